/**
 * Plain `node:dgram`, for where nothing better is possible. Linux gives a socket only what is addressed as it is bound, so an
 * interface needs three: 255.255.255.255 (one, shared by all interfaces of a port: who asked where is unknown), its own
 * address (which also makes broadcasts leave by that interface), and its subnet's broadcast address.
 */

import type { Socket } from 'node:dgram';
import { broadcastOf, formatCidr, LIMITED_BROADCAST, parseCidr } from '../net/ipv4.ts';
import type { DatagramMaker, InterfaceSocket, OpenOptions } from './datagram.ts';
import { createInterfaceSocket, listen } from './interface-socket.ts';
import { openFailure } from './socket-errors.ts';
import { bindUdp, closeUdp, growReceiveBuffer, RECEIVE_BUFFER_BYTES } from './udp-socket.ts';

/** The socket on 255.255.255.255 of one port, and how many interfaces listen to it. */
interface SharedHearing {
  readonly socket: Promise<Socket>;
  users: number;
}

export function createPortableMaker(given: { readonly reason: string }): DatagramMaker {
  const shared = new Map<number, SharedHearing>();
  const open = new Set<InterfaceSocket>();

  const releaseShared = async (port: number, hearing: SharedHearing) => {
    hearing.users -= 1;
    if (hearing.users > 0) return;
    if (shared.get(port) === hearing) shared.delete(port);
    await hearing.socket.then(closeUdp, () => undefined);
  };

  const openSockets = async (options: OpenOptions, cleanup: (() => Promise<void>)[]): Promise<InterfaceSocket> => {
    const { address, port, share = false } = options;
    const hearing = shared.get(port) ?? { socket: bindUdp({ address: LIMITED_BROADCAST, port, share }), users: 0 };
    shared.set(port, hearing);
    hearing.users += 1;
    cleanup.push(() => releaseShared(port, hearing));
    const common = await hearing.socket;

    const own = await bindUdp({ address, port, share });
    cleanup.push(() => closeUdp(own));
    own.setBroadcast(true);

    const directed = await bindDirected(options);
    if (directed) cleanup.push(() => closeUdp(directed));

    const stopCommon = listen(common, options, () => (hearing.users > 1 ? 'shared' : 'known'));
    cleanup.push(async () => stopCommon());
    for (const socket of directed ? [own, directed] : [own]) {
      const stop = listen(socket, options, () => 'known');
      cleanup.push(async () => stop());
    }
    const sockets = [common, own, ...(directed ? [directed] : [])];
    const socket = createInterfaceSocket({
      maker: 'portable',
      options,
      sender: own,
      hardware: undefined,
      receiveBufferBytes: Math.min(...sockets.map((one) => growReceiveBuffer(one, RECEIVE_BUFFER_BYTES))),
      release: async () => {
        open.delete(socket);
        await undo(cleanup);
      },
    });
    open.add(socket);
    return socket;
  };

  return {
    kind: 'portable',
    reason: given.reason,
    async open(options) {
      const cleanup: (() => Promise<void>)[] = [];
      try {
        return await openSockets(options, cleanup);
      } catch (error) {
        await undo(cleanup);
        throw openFailure(error, options);
      }
    },
    async close() {
      await Promise.all([...open].map((socket) => socket.close()));
    },
  };
}

/** Undefined where the subnet has no broadcast address, or the interface was given another. */
async function bindDirected(options: OpenOptions): Promise<Socket | undefined> {
  const { address, prefix, port, share = false } = options;
  const cidr = prefix < 31 ? parseCidr(formatCidr({ network: address, prefix })) : undefined;
  if (!cidr) return undefined;
  try {
    return await bindUdp({ address: broadcastOf(cidr), port, share });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRNOTAVAIL') return undefined;
    throw error;
  }
}

async function undo(steps: (() => Promise<void>)[]): Promise<void> {
  for (const step of steps.splice(0).reverse()) await step();
}

/**
 * Sockets the service manager opened on a device. They cannot be opened a second time, so closing an `InterfaceSocket` only
 * stops listening; the descriptors close with the maker.
 */

import type { Socket } from 'node:dgram';
import { AppError } from '../errors.ts';
import type { DatagramMaker, InterfaceSocket, OpenOptions } from './datagram.ts';
import { type InheritedSocket, udpPortOf } from './inherited.ts';
import { createInterfaceSocket, listen, type Native, openHardwareSender } from './interface-socket.ts';
import { openFailure } from './socket-errors.ts';
import { adoptUdp, closeUdp, growReceiveBuffer, RECEIVE_BUFFER_BYTES } from './udp-socket.ts';

export interface InheritedMakerOptions {
  readonly reason: string;
  readonly sockets: readonly InheritedSocket[];
  /** For unicast to clients without an address; without it they get broadcasts. */
  readonly native: Native | undefined;
}

export function createInheritedMaker(given: InheritedMakerOptions): DatagramMaker {
  const ports = new Map(given.sockets.map((socket) => [socket, udpPortOf(socket.fd)]));
  const adopted = new Map<InheritedSocket, Socket>();
  const inUse = new Map<InheritedSocket, InterfaceSocket>();

  const adopt = (inherited: InheritedSocket): Socket => {
    const known = adopted.get(inherited);
    if (known) return known;
    const socket = adoptUdp(inherited.fd);
    adopted.set(inherited, socket);
    socket.setBroadcast(true);
    return socket;
  };

  const openSocket = (options: OpenOptions): InterfaceSocket => {
    const inherited = given.sockets.find((one) => one.name === options.interface && ports.get(one) === options.port);
    if (!inherited) throw notPassed(options);
    if (inUse.has(inherited)) {
      throw new AppError(
        'port-in-use',
        `The passed socket of ${options.interface}, port ${options.port}, is open already.`,
      );
    }
    const socket = adopt(inherited);
    const stop = listen(socket, options, () => 'known');
    const opened = createInterfaceSocket({
      maker: 'inherited',
      options,
      sender: socket,
      hardware: openHardwareSender(given.native, options),
      receiveBufferBytes: growReceiveBuffer(socket, RECEIVE_BUFFER_BYTES),
      release: async () => {
        inUse.delete(inherited);
        stop();
      },
    });
    inUse.set(inherited, opened);
    return opened;
  };

  return {
    kind: 'inherited',
    reason: given.reason,
    async open(options) {
      try {
        return openSocket(options);
      } catch (error) {
        throw openFailure(error, options);
      }
    },
    async close() {
      await Promise.all([...inUse.values()].map((socket) => socket.close()));
      await Promise.all([...adopted.values()].map(closeUdp));
    },
  };
}

function notPassed(options: OpenOptions): AppError {
  return new AppError(
    'interface-missing',
    `The service manager passed no socket for ${options.interface}, port ${options.port}. In the .socket unit set ` +
      `ListenDatagram=0.0.0.0:${options.port}, BindToDevice=${options.interface} and ` +
      `FileDescriptorName=${options.interface}, and restart that unit.`,
  );
}

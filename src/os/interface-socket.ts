/** The one `InterfaceSocket` of all three makers, put together from the sockets a maker opened. */

import type { Socket } from 'node:dgram';
import { LIMITED_BROADCAST } from '../net/ipv4.ts';
import type { BatchSender } from './batch-sender.ts';
import type { Capabilities } from './capabilities.ts';
import type { Datagram, InterfaceSocket, MakerKind, OpenOptions, SentBy } from './datagram.ts';
import type { Endpoint } from './endpoint.ts';
import { createHardwareSender, type HardwareSender } from './hardware-sender.ts';
import { listInterfaces } from './interfaces.ts';
import type { Libc } from './libc.ts';
import { trafficFailure } from './socket-errors.ts';
import { sendUdp } from './udp-socket.ts';

/** Native calls and what the process may do with them. */
export interface Native {
  readonly libc: Libc;
  readonly capabilities: Capabilities;
}

export interface InterfaceSocketParts {
  readonly maker: MakerKind;
  readonly options: OpenOptions;
  /** Bound so that what it sends has the right source and leaves by the interface. */
  readonly sender: Socket;
  /** The way of its datagrams that costs one call for many; without it each is a call of its own. */
  readonly batch?: BatchSender | undefined;
  readonly hardware: HardwareSender | undefined;
  readonly receiveBufferBytes: number;
  /** Releases the sockets; called once. */
  readonly release: () => Promise<void>;
}

export function createInterfaceSocket(parts: InterfaceSocketParts): InterfaceSocket {
  const { options, sender, batch, hardware } = parts;
  const onError = (error: Error) => options.onError(trafficFailure(error, options));
  let closing: Promise<void> | undefined;

  return {
    maker: parts.maker,
    interface: options.interface,
    address: options.address,
    port: options.port,
    receiveBufferBytes: parts.receiveBufferBytes,
    unicast: hardware?.unicast ?? 'broadcast',
    send(bytes, target): SentBy {
      const broadcast = () => {
        const to = { address: LIMITED_BROADCAST, port: target.port };
        if (!batch?.add(bytes, to)) sendTo(sender, bytes, to, options);
      };
      switch (target.kind) {
        case 'address':
          if (!batch?.add(bytes, target)) sendTo(sender, bytes, target, options);
          return 'unicast';
        case 'broadcast':
          broadcast();
          return 'broadcast';
        case 'hardware': {
          const way = hardware?.reach(bytes, target) ?? 'broadcast';
          if (way === 'arp') sendUdp(sender, bytes, target, onError);
          if (way === 'broadcast') broadcast();
          return way;
        }
        default:
          return target satisfies never;
      }
    },
    close() {
      closing ??= (async () => {
        hardware?.close();
        batch?.flush();
        await parts.release();
      })();
      return closing;
    },
  };
}

/** One datagram by a call of its own; what goes wrong is told with its address. */
export function sendTo(sender: Socket, bytes: Uint8Array, to: Endpoint, options: OpenOptions): void {
  // A broadcast that does not leave is the interface's fault, whatever the errno.
  const peer = to.address === LIMITED_BROADCAST ? undefined : to.address;
  sendUdp(sender, bytes, to, (error) => options.onError(trafficFailure(error, options, peer)));
}

/**
 * Passes what a socket hears on to the owner of `options`; returns the way to stop.
 * @param readMore what waits behind the first datagram of a loop turn, at less cost than `node:dgram`
 */
export function listen(
  socket: Socket,
  options: OpenOptions,
  ingress: () => Datagram['ingress'],
  readMore?: (isOpen: () => boolean, onDatagram: (bytes: Uint8Array, from: Endpoint) => void) => void,
): () => void {
  let isOpen = true;
  let isFirst = true;
  const tell = (bytes: Buffer, { address, port }: Endpoint) =>
    options.onDatagram({ bytes, from: { address, port }, ingress: ingress() });
  const onMessage = (bytes: Buffer, from: Endpoint) => {
    tell(bytes, from);
    if (!readMore || !isFirst || !isOpen) return;
    // Once a turn, so that answers are not kept back while more and more is asked.
    isFirst = false;
    setImmediate(() => {
      isFirst = true;
    });
    readMore(
      () => isOpen,
      (more, sender) => tell(Buffer.from(more), sender),
    );
  };
  const onError = (error: Error) => options.onError(trafficFailure(error, options));
  socket.off('error', ignore).on('message', onMessage).on('error', onError);
  return () => {
    isOpen = false;
    socket.off('message', onMessage).off('error', onError);
    // An 'error' event without a listener would end the process while the socket is being closed or is idle.
    socket.off('error', ignore).on('error', ignore);
  };
}

/** Frames can be addressed by hand on Ethernet only; elsewhere and without native calls the answer is a broadcast. */
export function openHardwareSender(native: Native | undefined, options: OpenOptions): HardwareSender | undefined {
  const found = listInterfaces().find((one) => one.name === options.interface);
  if (!native || !found?.mac) return undefined;
  return createHardwareSender({ ...options, ...native, interfaceIndex: found.index });
}

function ignore(): void {}

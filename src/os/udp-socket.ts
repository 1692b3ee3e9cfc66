/** `node:dgram` sockets as this room uses them: opened or adopted, never resolving names, closing once. */

import { createSocket, type Socket } from 'node:dgram';
import { AF_INET, intValue, type Libc, SO_RCVBUFFORCE } from './libc.ts';

/** Room for a boot storm while the event loop is busy: about 3 000 packets of DHCP's size. */
export const RECEIVE_BUFFER_BYTES = 8 << 20;

export interface BindOptions {
  readonly type?: 'udp4' | 'udp6';
  readonly address: string;
  readonly port: number;
  readonly share?: boolean;
}

/** Opens and binds; rejects with the errno's error and leaves nothing open. */
export function bindUdp(options: BindOptions): Promise<Socket> {
  const type = options.type ?? 'udp4';
  const socket = createSocket({
    type,
    reuseAddr: options.share ?? false,
    ipv6Only: type === 'udp6',
    lookup: literalLookup,
  });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind(options.port, options.address, () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
  });
}

/** Takes over a bound IPv4 descriptor; closing the socket closes it. Throws for a descriptor that is not UDP. */
export function adoptUdp(fd: number): Socket {
  const socket = createSocket({ type: 'udp4', lookup: literalLookup });
  socket.bind({ fd });
  return socket;
}

/**
 * Opens a descriptor, lets `prepare` set and bind it, and adopts it; closes it when any step throws.
 * `receiveBufferBytes` is forced past the system's cap where the process may.
 */
export function openPrepared(libc: Libc, receiveBufferBytes: number, prepare: (fd: number) => void): Socket {
  const fd = libc.openSocket(AF_INET);
  try {
    prepare(fd);
    forceReceiveBuffer(libc, fd, receiveBufferBytes);
    return adoptUdp(fd);
  } catch (error) {
    libc.close(fd);
    throw error;
  }
}

/** Asks for a receive buffer unless it has that much, and returns what the kernel granted (its count, doubled on Linux). */
export function growReceiveBuffer(socket: Socket, bytes: number): number {
  try {
    if (socket.getRecvBufferSize() < bytes) socket.setRecvBufferSize(bytes);
  } catch {
    // A system that refuses the size keeps its default, which is what gets reported.
  }
  return socket.getRecvBufferSize();
}

/** Sends without throwing; `onError` gets what went wrong, now or later. */
export function sendUdp(
  socket: Socket,
  bytes: Uint8Array,
  to: { readonly address: string; readonly port: number },
  onError: (error: Error) => void,
): void {
  try {
    socket.send(bytes, to.port, to.address, (error) => {
      if (error) onError(error);
    });
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
  }
}

/** Resolves when the socket is closed; a second call resolves at once. */
export function closeUdp(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(() => resolve());
    } catch {
      resolve();
    }
  });
}

function forceReceiveBuffer(libc: Libc, fd: number, bytes: number): void {
  try {
    libc.setOption(fd, SO_RCVBUFFORCE, intValue(bytes));
  } catch {
    // Without CAP_NET_ADMIN: `growReceiveBuffer` gets what the system's cap allows.
  }
}

/** Every address here is a literal: answering in place keeps the resolver out and sends in the same turn. */
function literalLookup(
  host: string,
  _options: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, host, host.includes(':') ? 6 : 4);
}

/** A UDP socket on one local address, as TFTP's port 69: answers leave from the address that was asked. */

import type { Socket } from 'node:dgram';
import type { Ipv4 } from '../net/ipv4.ts';
import { type Libc, socketAddress } from './libc.ts';
import { openFailure, trafficFailure } from './socket-errors.ts';
import { bindUdp, closeUdp, growReceiveBuffer, openPrepared, RECEIVE_BUFFER_BYTES, sendUdp } from './udp-socket.ts';

export interface UdpDatagram {
  readonly bytes: Buffer;
  readonly from: { readonly address: string; readonly port: number };
}

export interface UdpListenerOptions {
  /** A local address, or `0.0.0.0` / `::` for all. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Default `ipv4`. An `ipv6` listener does not take IPv4's port. */
  readonly family?: 'ipv4' | 'ipv6';
  /** Wanted receive buffer; default 8 MiB. */
  readonly receiveBufferBytes?: number;
  /** With it an IPv4 listener may pass the system's cap on receive buffers (CAP_NET_ADMIN). */
  readonly libc?: Libc | undefined;
  readonly onDatagram: (datagram: UdpDatagram) => void;
  readonly onError: (error: Error) => void;
}

export interface UdpListener {
  readonly address: string;
  readonly port: number;
  /** What the kernel granted; Linux counts its own bookkeeping, so twice the usable bytes. */
  readonly receiveBufferBytes: number;
  /** Never throws: a failed send is told to `onError`. Do not write to the bytes afterwards: they may still be queued. */
  send(bytes: Uint8Array, to: { readonly address: string; readonly port: number }): void;
  close(): Promise<void>;
}

/** Rejects with `AppError` `port-in-use`, `port-denied` or `interface-missing`; the message says what to do. */
export async function openUdpListener(options: UdpListenerOptions): Promise<UdpListener> {
  const wanted = options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES;
  const socket = await openSocket(options, wanted).catch((error: unknown) => {
    throw openFailure(error, options);
  });
  const { port } = socket.address();
  const onError = (error: Error) => options.onError(trafficFailure(error, { address: options.address, port }));
  socket.on('error', onError);
  socket.on('message', (bytes, from) =>
    options.onDatagram({ bytes, from: { address: from.address, port: from.port } }),
  );
  return {
    address: options.address,
    port,
    receiveBufferBytes: growReceiveBuffer(socket, wanted),
    send: (bytes, to) => sendUdp(socket, bytes, to, onError),
    close: () => closeUdp(socket),
  };
}

async function openSocket(options: UdpListenerOptions, receiveBufferBytes: number): Promise<Socket> {
  const { address, port, libc } = options;
  if (options.family === 'ipv6') return bindUdp({ type: 'udp6', address, port });
  if (!libc) return bindUdp({ address, port });
  return openPrepared(libc, receiveBufferBytes, (fd) => libc.bind(fd, socketAddress(address as Ipv4, port)));
}

/** The way between one transfer and its client, whichever door it goes through. */
import type { UdpListener } from './listeners.ts';
import type { Peer } from './request.ts';

/** The way of one transfer's datagrams to its client. */
export interface TransferLink {
  /** Undefined where ports are not taken from a range. */
  readonly localPort?: number;
  /** Sends one datagram given in pieces; throws when the kernel refuses it. */
  send(pieces: readonly Uint8Array[]): void;
  /** As `send`, of a DATA packet by its first four bytes as one number, where that is cheaper. */
  sendData?(header: number, payload: Uint8Array): void;
  close(): void;
}

export interface LinkOptions {
  readonly listener: UdpListener;
  readonly peer: Peer;
  /** Local ports in use by other transfers from the same address. */
  readonly takenPorts: ReadonlySet<number>;
  onDatagram(bytes: Uint8Array): void;
  /** The client's port is closed. */
  onUnreachable(): void;
  /** A datagram did not go out; it counts as lost. */
  onSendError(): void;
}

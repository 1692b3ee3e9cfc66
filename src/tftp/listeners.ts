/** The table of listeners: one a served address, opened and closed as addresses come and go. */
import { messageOf } from '../errors.ts';
import type { TftpLog } from './report.ts';
import type { Peer } from './request.ts';

/** A bound UDP socket that gives and takes whole datagrams. */
export interface UdpListener {
  readonly address: string;
  readonly port: number;
  /** What the kernel granted. */
  readonly receiveBufferBytes: number;
  send(bytes: Uint8Array, to: Peer): void;
  close(): void | Promise<void>;
}

/** Rejects with `AppError` when the address or port cannot be had. */
export type OpenUdpListener = (options: {
  readonly address: string;
  readonly port: number;
  readonly family: 'ipv4' | 'ipv6';
  readonly onDatagram: (bytes: Uint8Array, from: Peer) => void;
  readonly onError: (error: Error) => void;
}) => Promise<UdpListener>;

/** An address of ours to listen on. */
export interface ServedAddress {
  readonly address: string;
  /** Of the interface that has it, in bytes. */
  readonly mtu?: number;
  /** Networks behind it, as `10.77.0.0/16`: their machines may ask, unless the operator lists who may. */
  readonly networks?: readonly string[];
}

export interface ListenerStatus {
  readonly address: string;
  readonly port: number;
  /** Undefined when the listener is not open; then `problem` says why. */
  readonly receiveBufferBytes?: number;
  readonly problem?: string;
}

export interface ListenersOptions {
  readonly openListener: OpenUdpListener;
  readonly port: number;
  readonly log: TftpLog;
  onDatagram(bytes: Uint8Array, from: Peer, listener: UdpListener, mtu: number | undefined): void;
}

export interface Listeners {
  /** One change at a time; a failure on one address is kept in `status` and does not stop the others. */
  setAddresses(addresses: readonly ServedAddress[]): Promise<void>;
  status(): readonly ListenerStatus[];
  /** Whether a datagram claims to come from one of these very sockets. */
  has(peer: Peer): boolean;
  close(): Promise<void>;
}

interface Row {
  mtu: number | undefined;
  listener?: UdpListener;
  problem?: string;
}

export function createListeners(options: ListenersOptions): Listeners {
  const { log } = options;
  const rows = new Map<string, Row>();
  let closed = false;
  let lastChange: Promise<void> = Promise.resolve();

  async function change(wanted: readonly ServedAddress[]): Promise<void> {
    if (closed) return;
    const addresses = new Map(wanted.map((served) => [served.address, served]));
    for (const [address, row] of [...rows]) {
      if (addresses.has(address)) continue;
      rows.delete(address);
      await row.listener?.close();
    }
    await Promise.all([...addresses.values()].map(openOne));
  }

  async function openOne({ address, mtu }: ServedAddress): Promise<void> {
    const row: Row = rows.get(address) ?? { mtu };
    rows.set(address, row);
    row.mtu = mtu;
    if (row.listener) return;
    const early: [Uint8Array, Peer][] = [];
    try {
      const listener = await options.openListener({
        address,
        port: options.port,
        family: address.includes(':') ? 'ipv6' : 'ipv4',
        // Some datagrams may be there before the caller holds the listener.
        onDatagram: (bytes, from) =>
          row.listener ? options.onDatagram(bytes, from, row.listener, row.mtu) : early.push([bytes, from]),
        onError: (error) => log.warn({ address, err: error }, `TFTP on ${address}: ${error.message}`),
      });
      row.listener = listener;
      delete row.problem;
      for (const [bytes, from] of early) options.onDatagram(bytes, from, listener, row.mtu);
    } catch (error) {
      const problem = messageOf(error);
      // The same addresses are asked for every few seconds: say it once.
      if (row.problem !== problem) log.warn({ address, err: error }, `TFTP on ${address}: ${problem}`);
      row.problem = problem;
    }
  }

  return {
    setAddresses(addresses) {
      lastChange = lastChange.then(() => change(addresses));
      return lastChange;
    },
    status: () =>
      [...rows].map(([address, { listener, problem }]) => ({
        address,
        port: listener?.port ?? options.port,
        ...(listener && { receiveBufferBytes: listener.receiveBufferBytes }),
        ...(problem !== undefined && { problem }),
      })),
    has: (peer) => rows.get(peer.address)?.listener?.port === peer.port,
    async close() {
      closed = true;
      await lastChange;
      await Promise.all([...rows.values()].map(({ listener }) => listener?.close()));
      rows.clear();
    },
  };
}

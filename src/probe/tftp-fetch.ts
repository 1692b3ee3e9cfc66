/** A TFTP client as plain as a boot ROM's: lock-step, octet mode, no options (RFC 1350). */
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

export interface TftpFetchOptions {
  /** Of the server. */
  readonly address: string;
  readonly port: number;
  readonly path: string;
  /** Our own address; default: the system's choice. */
  readonly from?: string;
  /** Silence after which the last packet is sent again; after the third time it is given up. */
  readonly patienceMs?: number;
}

/** `silent` tells how many bytes had come; `foreign`, that another address answered than was asked. */
export type TftpFetched =
  | { readonly kind: 'fetched'; readonly bytes: Uint8Array }
  | { readonly kind: 'error'; readonly code: number; readonly text: string }
  | { readonly kind: 'silent'; readonly bytes: number }
  | { readonly kind: 'foreign'; readonly address: string }
  | { readonly kind: 'failed'; readonly text: string };

const SENDS = 3;
const BLOCK = 512;
const MAX_BLOCKS = 100;
const OPCODE = { rrq: 1, data: 3, ack: 4, error: 5 } as const;

/** Never rejects, and keeps no process alive. */
export function fetchByTftp(options: TftpFetchOptions): Promise<TftpFetched> {
  const { address, path, patienceMs = 500 } = options;
  const socket = createSocket({ type: isIPv6(address.replace(/%.*$/, '')) ? 'udp6' : 'udp4' });
  const parts: Buffer[] = [];
  let packet = Buffer.from(`\0${String.fromCharCode(OPCODE.rrq)}${path}\0octet\0`);
  /** The server's transfer port, once it has answered. */
  let peerPort: number | undefined;
  let sends = 0;

  return new Promise((resolve) => {
    const timer = setInterval(
      () => (sends < SENDS ? send() : finish({ kind: 'silent', bytes: sum(parts) })),
      patienceMs,
    );
    timer.unref();
    socket.unref();

    function finish(outcome: TftpFetched): void {
      clearInterval(timer);
      socket.removeAllListeners();
      // A late error of a socket that is being closed is nobody's any more.
      socket.on('error', () => {});
      socket.close();
      resolve(outcome);
    }

    function send(): void {
      sends++;
      socket.send(packet, peerPort ?? options.port, address, (error) => {
        if (error) finish({ kind: 'failed', text: error.message });
      });
    }

    function take(bytes: Buffer, from: { readonly address: string; readonly port: number }): void {
      if (plain(from.address) !== plain(address)) {
        finish({ kind: 'foreign', address: from.address });
        return;
      }
      if (bytes.length < 4 || (peerPort !== undefined && from.port !== peerPort)) return;
      const opcode = bytes.readUInt16BE(0);
      const number = bytes.readUInt16BE(2);
      if (opcode === OPCODE.error) {
        finish({ kind: 'error', code: number, text: bytes.toString('latin1', 4).replace(/\0.*$/s, '') });
      } else if (opcode === OPCODE.data && number === parts.length + 1) {
        peerPort = from.port;
        store(bytes.subarray(4));
      }
    }

    function store(payload: Buffer): void {
      parts.push(payload);
      packet = Buffer.from([0, OPCODE.ack, parts.length >> 8, parts.length & 255]);
      sends = 0;
      if (payload.length === BLOCK && parts.length < MAX_BLOCKS) send();
      else socket.send(packet, peerPort, address, () => finish({ kind: 'fetched', bytes: Buffer.concat(parts) }));
    }

    socket.on('error', (error) => finish({ kind: 'failed', text: error.message }));
    socket.on('message', take);
    socket.bind({ port: 0, ...(options.from !== undefined && { address: options.from }) }, send);
  });
}

function sum(parts: readonly Uint8Array[]): number {
  return parts.reduce((total, { length }) => total + length, 0);
}

function plain(address: string): string {
  return address.replace(/%.*$/, '').toLowerCase();
}

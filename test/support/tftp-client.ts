/** A TFTP client of the tests' own: options, windows, and a transcript of what came. */
import { createSocket } from 'node:dgram';
import { decode, encode, type TftpPacket } from '../../src/tftp/packet.ts';

export interface GetOptions {
  readonly port: number;
  readonly address?: string;
  readonly path: string;
  readonly mode?: 'octet' | 'netascii';
  readonly options?: Readonly<Record<string, string>>;
  /** What to answer the OACK with; default ACK 0. */
  readonly onOack?: 'ack' | 'refuse';
  /** Silence after which the last packet is sent again. */
  readonly patienceMs?: number;
  /** Sends the request so many times at once. */
  readonly copies?: number;
  /** The block number after 65535 when the server does not say; default 0. */
  readonly assumeRollover?: 0 | 1;
  /** Called when so many blocks have come, before the last of them is acknowledged. */
  readonly onBlock?: (received: number) => void;
}

export interface GetResult {
  readonly bytes: Buffer;
  readonly oack?: ReadonlyMap<string, string>;
  readonly error?: { readonly code: number; readonly text: string };
  readonly datagrams: number;
  /** Ports the answers came from. */
  readonly serverPorts: ReadonlySet<number>;
}

const GIVE_UP_MS = 20_000;

/** Fetches one file; resolves with the server's ERROR too. Rejects when nothing comes any more. */
export function tftpGet(asked: GetOptions): Promise<GetResult> {
  const { address = '127.0.0.1', mode = 'octet', patienceMs = 1000, copies = 1 } = asked;
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const parts: Uint8Array[] = [];
  const serverPorts = new Set<number>();
  let blksize = 512;
  let windowsize = 1;
  let rollover: number = asked.assumeRollover ?? 0;
  let expected = 1;
  let received = 0;
  let datagrams = 0;
  let oack: ReadonlyMap<string, string> | undefined;
  let reply = encode({
    kind: 'rrq',
    path: asked.path,
    mode,
    options: new Map(Object.entries(asked.options ?? {})),
    repeated: [],
  });
  let peer = asked.port;
  let gapReported = false;

  return new Promise((resolve, reject) => {
    const say = () => socket.send(reply, peer, address);
    const silence = setTimeout(() => finish(new Error(`nothing more after ${received} blocks`)), GIVE_UP_MS);
    let repeat = setInterval(say, patienceMs);

    function finish(result: Error | { code: number; text: string } | undefined): void {
      clearTimeout(silence);
      clearInterval(repeat);
      socket.close();
      if (result instanceof Error) reject(result);
      else
        resolve({
          bytes: Buffer.concat(parts),
          datagrams,
          serverPorts,
          ...(oack && { oack }),
          ...(result && { error: result }),
        });
    }

    function acknowledge(block: number, then?: () => void): void {
      reply = encode({ kind: 'ack', block });
      socket.send(reply, peer, address, then);
    }

    function take(packet: TftpPacket): void {
      switch (packet.kind) {
        case 'error':
          finish({ code: packet.code, text: packet.text });
          return;
        case 'oack':
          if (received > 0) return;
          oack = packet.options;
          blksize = Number(oack.get('blksize') ?? 512);
          windowsize = Number(oack.get('windowsize') ?? 1);
          rollover = Number(oack.get('rollover') ?? rollover);
          if (asked.onOack === 'refuse') {
            reply = encode({ kind: 'error', code: 8, text: 'User aborted the transfer' });
            socket.send(reply, peer, address, () => finish({ code: 8, text: 'refused' }));
          } else acknowledge(0);
          return;
        case 'data':
          store(packet.block, packet.payload);
          return;
        default:
          throw new Error(`the server sent ${packet.kind}`);
      }
    }

    function store(block: number, payload: Uint8Array): void {
      if (block !== expected) {
        if (!gapReported) acknowledge(expected === 0 ? 65_535 : expected - 1);
        gapReported = true;
        return;
      }
      gapReported = false;
      received++;
      parts.push(payload.slice());
      asked.onBlock?.(received);
      expected = block === 65_535 ? rollover : block + 1;
      if (payload.length < blksize) {
        acknowledge(block, () => finish(undefined));
      } else if (received % windowsize === 0) acknowledge(block);
    }

    socket.on('message', (bytes, from) => {
      datagrams++;
      silence.refresh();
      serverPorts.add(from.port);
      peer = from.port;
      clearInterval(repeat);
      repeat = setInterval(say, patienceMs);
      take(decode(bytes));
    });
    socket.bind(0, address, () => {
      for (let copy = 0; copy < copies; copy++) say();
    });
  });
}

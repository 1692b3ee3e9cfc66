/** A TFTP client of the tests' own that writes: options, windows, and ways to misbehave. */
import { createSocket } from 'node:dgram';
import { decode, encode, type TftpPacket } from '../../src/tftp/packet.ts';

export interface PutOptions {
  readonly port: number;
  readonly path: string;
  /** As they travel; the caller translates. */
  readonly bytes: Uint8Array;
  readonly mode?: 'octet' | 'netascii';
  readonly options?: Readonly<Record<string, string>>;
  /** Block number after 65535, agreed or not. */
  readonly rollover?: 0 | 1;
  readonly patienceMs?: number;
  /** Sends the request so many times at once. */
  readonly copies?: number;
  /** Leaves before this block, with an ERROR or in silence. */
  readonly stopAt?: { readonly block: number; readonly how: 'error' | 'silence' };
  /** Called before a block is sent the first time. */
  readonly onBlock?: (block: number) => void;
  /** Sends blocks longer than agreed. */
  readonly tooLong?: boolean;
}

export interface PutResult {
  readonly oack?: ReadonlyMap<string, string>;
  readonly error?: { readonly code: number; readonly text: string };
  readonly ok: boolean;
  readonly serverPorts: ReadonlySet<number>;
}

const GIVE_UP_MS = 20_000;

/** Writes one file; resolves with the server's ERROR too. Rejects when nothing comes any more. */
export function tftpPut(asked: PutOptions): Promise<PutResult> {
  const { bytes, mode = 'octet', patienceMs = 1000, copies = 1, rollover = 0 } = asked;
  const socket = createSocket('udp4');
  const serverPorts = new Set<number>();
  let blksize = 512;
  let windowsize = 1;
  let base = 0;
  let sent = 0;
  let peer = asked.port;
  let oack: ReadonlyMap<string, string> | undefined;
  const wire = (block: number) =>
    block <= 65_535 ? block : (block - 65_536 + (rollover ? 65_536 - 65_535 : 0)) % 65_536;
  const lastBlock = () => Math.floor(bytes.length / blksize) + 1;
  const request = encode({
    kind: 'wrq',
    path: asked.path,
    mode,
    options: new Map(Object.entries(asked.options ?? {})),
    repeated: [],
  });

  return new Promise((resolve, reject) => {
    const silence = setTimeout(() => finish(new Error(`nothing more after ${base} blocks`)), GIVE_UP_MS);
    let repeat = setInterval(say, patienceMs);

    function finish(result: Error | Omit<PutResult, 'serverPorts'>): void {
      clearTimeout(silence);
      clearInterval(repeat);
      socket.close();
      if (result instanceof Error) reject(result);
      else resolve({ ...result, serverPorts, ...(oack && { oack }) });
    }

    function say(): void {
      if (base === 0) socket.send(request, peer, '127.0.0.1');
      else sendWindow();
    }

    function sendWindow(): void {
      for (let block = base; block < base + windowsize && block <= lastBlock(); block++) {
        if (asked.stopAt && block >= asked.stopAt.block) {
          const gone = encode({ kind: 'error', code: 0, text: 'enough' });
          if (asked.stopAt.how === 'silence') finish({ ok: false });
          else socket.send(gone, peer, '127.0.0.1', () => finish({ ok: false }));
          return;
        }
        if (block > sent) asked.onBlock?.(block);
        sent = Math.max(sent, block);
        const payload = bytes.subarray((block - 1) * blksize, block * blksize + (asked.tooLong ? 1 : 0));
        socket.send(encode({ kind: 'data', block: wire(block), payload }), peer, '127.0.0.1');
      }
    }

    function take(packet: TftpPacket): void {
      switch (packet.kind) {
        case 'error':
          finish({ ok: false, error: { code: packet.code, text: packet.text } });
          return;
        case 'oack':
          if (base > 0) return;
          oack = packet.options;
          blksize = Number(oack.get('blksize') ?? 512);
          windowsize = Number(oack.get('windowsize') ?? 1);
          base = 1;
          sendWindow();
          return;
        case 'ack': {
          if (base === 0 && packet.block !== 0) return;
          let block = base - 1;
          while (block < Math.max(sent, base) && wire(block) !== packet.block) block++;
          if (wire(block) !== packet.block) return;
          if (block === base - 1 && base > 0 && (windowsize === 1 || block === 0)) return;
          base = block + 1;
          if (base > lastBlock()) finish({ ok: true });
          else sendWindow();
          return;
        }
        default:
          throw new Error(`the server sent ${packet.kind}`);
      }
    }

    socket.on('message', (datagram, from) => {
      silence.refresh();
      serverPorts.add(from.port);
      peer = from.port;
      clearInterval(repeat);
      repeat = setInterval(say, patienceMs);
      take(decode(datagram));
    });
    socket.bind(0, '127.0.0.1', () => {
      for (let copy = 0; copy < copies; copy++) say();
    });
  });
}

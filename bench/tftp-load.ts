/**
 * TFTP clients, many at once, in a process of their own: started by the bench inside its namespace with one JSON argument,
 * prints one JSON line. Each client has an address of 127/8 to itself and fetches its files one after another, every byte
 * compared. RFC 1350, 2347 to 2349, 7440.
 */
import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TftpLoad {
  readonly server: string;
  /** Where the served files are, to compare with. */
  readonly root: string;
  readonly clients: number;
  /** Each client fetches all of these in turn. */
  readonly files: readonly string[];
  readonly blksize: number;
  readonly windowsize: number;
  /** 0–1, of datagrams either way; the clients in C only. */
  readonly loss?: number;
  /** Between repetitions of a packet that got no answer, as firmware does it. */
  readonly retryMs: number;
  readonly tries: number;
  /** The whole load is given up after so long. */
  readonly timeoutMs: number;
}

export interface TftpLoadResult {
  readonly ms: number;
  readonly done: number;
  readonly failed: number;
  /** Bytes that came and were right; of the clients in C also those of transfers that did not end. */
  readonly bytes: number;
  /** Packets the clients had to repeat. */
  readonly repeats: number;
  readonly grantedBlksize: number;
  readonly grantedWindow: number;
  /** Half of the transfers, and 99 of 100, took at most so long. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The first fault, for people. */
  readonly fault?: string;
}

const DATA = 3;
const ERROR = 5;
const OACK = 6;

interface Fetched {
  readonly bytes: number;
  readonly repeats: number;
  readonly blksize: number;
  readonly windowsize: number;
}

/** One transfer from a new port. @throws Error with the reason it failed */
function fetchFile(
  load: TftpLoad,
  from: string,
  name: string,
  expected: Buffer,
  signal: AbortSignal,
): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1 << 20, lookup: literalOnly });
    let blksize = 512;
    let windowsize = 1;
    let port = 69;
    let received = 0;
    let block = 0;
    let sinceAck = 0;
    let repeats = 0;
    let silent = 0;
    let last: Uint8Array = encodeRequest(name, load);

    const end = (error?: Error) => {
      clearInterval(timer);
      signal.removeEventListener('abort', abort);
      socket.close();
      if (error) reject(error);
      else resolve({ bytes: received, repeats, blksize, windowsize });
    };
    const send = (bytes: Uint8Array) => {
      last = bytes;
      silent = 0;
      socket.send(bytes, port, load.server);
    };
    const acknowledge = () => {
      sinceAck = 0;
      send(Uint8Array.of(0, 4, block >> 8, block & 255));
    };
    // Not one timer a packet: it would cost more than the packet.
    let ticks = 0;
    const timer = setInterval(() => {
      if (++ticks < 2) return;
      ticks = 0;
      if (++silent > load.tries) return end(new Error(`${name}: no answer`));
      repeats++;
      socket.send(last, port, load.server);
    }, load.retryMs / 2);
    const abort = () => end(new Error(`${name}: not finished in time`));
    signal.addEventListener('abort', abort);

    socket.on('error', end);
    socket.on('message', (message, source) => {
      if (port === 69) port = source.port;
      else if (source.port !== port) return;
      ticks = 0;
      const opcode = message.readUInt16BE(0);
      if (opcode === ERROR)
        return end(new Error(`${name}: ERROR ${message.readUInt16BE(2)} ${message.toString('latin1', 4)}`));
      if (opcode === OACK) {
        const options = decodeOptions(message);
        blksize = Number(options.get('blksize') ?? 512);
        windowsize = Number(options.get('windowsize') ?? 1);
        return acknowledge();
      }
      if (opcode !== DATA) return;
      if (message.readUInt16BE(2) !== ((block + 1) & 0xffff)) {
        // A gap: what arrived in order is acknowledged once, the rest of the window is of no use (RFC 7440 §4).
        if (sinceAck > 0) acknowledge();
        return;
      }
      const size = message.length - 4;
      if (expected.compare(message, 4, message.length, received, received + size) !== 0) {
        return end(new Error(`${name}: wrong bytes in block ${block + 1}`));
      }
      block = (block + 1) & 0xffff;
      received += size;
      sinceAck++;
      const isLast = size < blksize;
      if (isLast || sinceAck >= windowsize) acknowledge();
      // The final ACK is handed to the kernel before the socket is closed.
      if (isLast) end(received === expected.length ? undefined : new Error(`${name}: ${received} bytes`));
    });
    socket.bind(0, from, () => send(last));
  });
}

/** Every address is a literal; the default lookup would put off each packet, and lose the one before `close`. */
function literalOnly(
  address: string,
  _options: unknown,
  callback: (error: Error | null, address: string, family: number) => void,
): void {
  callback(null, address, 4);
}

function encodeRequest(name: string, { blksize, windowsize }: TftpLoad): Buffer {
  const options = [
    ...(blksize === 512 ? [] : ['blksize', `${blksize}`]),
    ...(windowsize === 1 ? [] : ['windowsize', `${windowsize}`]),
    'tsize',
    '0',
  ];
  return Buffer.from(`\0\u0001${[name, 'octet', ...options].join('\0')}\0`, 'latin1');
}

function decodeOptions(oack: Buffer): Map<string, string> {
  const words = oack.toString('latin1', 2).split('\0');
  const options = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) options.set((words[at] ?? '').toLowerCase(), words[at + 1] ?? '');
  return options;
}

async function runLoad(load: TftpLoad): Promise<TftpLoadResult> {
  const contents = new Map(load.files.map((name) => [name, readFileSync(join(load.root, name))]));
  const abort = new AbortController();
  const fetched: Fetched[] = [];
  const times: number[] = [];
  const faults: string[] = [];
  const startedAt = performance.now();
  const client = async (index: number) => {
    const address = `127.1.${index >> 8}.${index & 255 || 255}`;
    for (const [name, bytes] of contents) {
      const begun = performance.now();
      try {
        fetched.push(await fetchFile(load, address, name, bytes, abort.signal));
        times.push(performance.now() - begun);
      } catch (error) {
        faults.push(error instanceof Error ? error.message : String(error));
      }
    }
  };
  const timer = setTimeout(() => abort.abort(), load.timeoutMs);
  await Promise.all(Array.from({ length: load.clients }, (_, index) => client(index + 1)));
  const ms = performance.now() - startedAt;
  clearTimeout(timer);
  // Sends are asynchronous: the last ACKs must be out before the process ends.
  await sleep(10);
  times.sort((a, b) => a - b);
  const sum = (pick: (one: Fetched) => number) => fetched.reduce((total, one) => total + pick(one), 0);
  return {
    ms,
    done: fetched.length,
    failed: faults.length,
    bytes: sum((one) => one.bytes),
    repeats: sum((one) => one.repeats),
    grantedBlksize: fetched[0]?.blksize ?? 0,
    grantedWindow: fetched[0]?.windowsize ?? 0,
    p50Ms: times[times.length >> 1] ?? Number.NaN,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    ...(faults[0] !== undefined && { fault: faults[0] }),
  };
}

if (import.meta.main) console.log(JSON.stringify(await runLoad(JSON.parse(process.argv[2] ?? '') as TftpLoad)));

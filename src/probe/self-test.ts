/** The TFTP door tested by a client of our own: a file nobody else knows of, fetched through each of its addresses. */
import { networkInterfaces } from 'node:os';
import type { OpenPath } from '../boot/content.ts';
import type { RecordEvent } from '../boot/event.ts';
import { fetchByTftp, type TftpFetched } from './tftp-fetch.ts';

export interface SelfTestDeps {
  readonly open: OpenPath;
  readonly record: RecordEvent;
  readonly log: { debug(fields: object, text: string): void; warn(fields: object, text: string): void };
  /** Not to be guessed: whoever knows it can fetch the file of the test. */
  readonly token: string;
  /** Milliseconds since 1970. */
  now(): number;
  /** Whether this machine can talk to itself; default: whether it has a loopback address. */
  hasLoopback?(): boolean;
  readonly patienceMs?: number;
}

interface Listening {
  readonly address: string;
  readonly port: number;
  readonly problem?: string;
}

export interface SelfTest {
  /** The file of the test, and everything else by `deps.open`. */
  readonly open: OpenPath;
  /** The same as `deps.record`, without what the test itself makes. */
  readonly record: RecordEvent;
  /** Tests every listener that is not known to work. Never rejects; takes moments, or two seconds for silence. */
  run(listeners: readonly Listening[]): Promise<void>;
  /** Addresses through which nothing can be fetched, and what may help. */
  shortfalls(): readonly { readonly what: string; readonly fix: string }[];
}

/** Two blocks: the second comes only when the ACK of the first has reached the transfer's own port. */
const SIZE = 700;

export function createSelfTest(deps: SelfTestDeps): SelfTest {
  const { log, token } = deps;
  const bytes = new TextEncoder().encode(`hobnail ${token}\n`.padEnd(SIZE, '.'));
  const prefix = `self-test-${token}`;
  /** Tests whose request has come in. */
  const arrived = new Set<string>();
  const working = new Set<string>();
  const failed = new Map<string, { readonly what: string; readonly fix: string }>();

  async function test({ address, port }: Listening): Promise<void> {
    const key = `${address} ${port}`;
    const path = `${prefix}/${port}/${address}`;
    const target = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
    const patience = deps.patienceMs === undefined ? {} : { patienceMs: deps.patienceMs };
    const fetched = await fetchByTftp({ address: target, port, path, from: target, ...patience });
    const fault = faultOf(fetched, bytes, arrived.delete(path));
    if (!fault) {
      working.add(key);
      failed.delete(key);
      log.debug({ address, port }, `TFTP on ${address} answers itself`);
      return;
    }
    const what = `TFTP on ${address} port ${port} does not answer this very machine: ${fault.what}`;
    if (failed.get(key)?.what !== what) log.warn({ address, port }, what);
    failed.set(key, { what, fix: fault.fix });
  }

  return {
    async open(path, requester) {
      if (!path.startsWith(`${prefix}/`)) return deps.open(path, requester);
      arrived.add(path);
      return {
        kind: 'content',
        size: bytes.length,
        contentType: 'text/plain',
        etag: token,
        modifiedAt: deps.now(),
        origin: 'self test',
        bytes,
        read: async (into, position) => {
          const part = bytes.subarray(position, position + into.length);
          into.set(part);
          return part.length;
        },
        close: async () => undefined,
      };
    },
    record(event) {
      if (!event.path?.startsWith(prefix)) deps.record(event);
    },
    async run(listeners) {
      const open = listeners.filter(({ problem }) => problem === undefined);
      const keys = new Set(open.map(({ address, port }) => `${address} ${port}`));
      for (const key of [...working, ...failed.keys()]) {
        if (keys.has(key)) continue;
        working.delete(key);
        failed.delete(key);
      }
      // Packets of a machine to itself go by the loopback interface: without one there is nothing to test.
      if (!(deps.hasLoopback ?? hasLoopback)()) return;
      await Promise.all(open.filter(({ address, port }) => !working.has(`${address} ${port}`)).map(test));
    },
    shortfalls: () => [...failed.values()],
  };
}

const PORTS_FIX =
  'let UDP through from and to the ports of transfers (tftp.portRange names them), or set tftp.singlePort: true';

function faultOf(
  fetched: TftpFetched,
  bytes: Uint8Array,
  arrived: boolean,
): { readonly what: string; readonly fix: string } | undefined {
  switch (fetched.kind) {
    case 'fetched':
      if (Buffer.compare(fetched.bytes, bytes) === 0) return undefined;
      return { what: 'other bytes came than were sent', fix: 'look for a proxy or translation of UDP on this machine' };
    case 'silent':
      if (!arrived) return { what: 'requests do not arrive', fix: 'let UDP through to this port in the firewall' };
      if (fetched.bytes === 0) return { what: 'requests arrive, but no answer comes back', fix: PORTS_FIX };
      return { what: `the transfer stopped after ${fetched.bytes} bytes`, fix: PORTS_FIX };
    case 'foreign':
      return {
        what: `the answer came from ${fetched.address}`,
        fix: 'take that translation of addresses off this port: machines drop such answers',
      };
    case 'error':
      return { what: `ERROR ${fetched.code} "${fetched.text}"`, fix: 'see whether another server has this port' };
    case 'failed':
      return { what: fetched.text, fix: 'let UDP through to this port in the firewall' };
    default:
      return fetched satisfies never;
  }
}

function hasLoopback(): boolean {
  return Object.values(networkInterfaces()).some((infos) => infos?.some(({ internal }) => internal));
}

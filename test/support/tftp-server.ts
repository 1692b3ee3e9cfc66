/** A TFTP server on loopback with a few files, and what it told of itself. */
import { expect } from 'vitest';
import type { OpenPath } from '../../src/boot/content.ts';
import type { BootEvent } from '../../src/boot/event.ts';
import type { OpenUpload } from '../../src/boot/upload.ts';
import { AppError } from '../../src/errors.ts';
import { parseMac } from '../../src/net/mac.ts';
import { loadLibc } from '../../src/os/libc.ts';
import { createFastTftpServer } from '../../src/tftp/fast-server.ts';
import { createTftpServer, type TftpServer, type TftpServerDeps } from '../../src/tftp/server.ts';
import { contentOf, type FakeContent } from './content.ts';
import { openDgramListener } from './dgram-listener.ts';

const pattern = (size: number) => Uint8Array.from({ length: size }, (_, index) => (index * 31 + (index >>> 9)) & 255);
const text = Buffer.from('line\nand\r\ncarriage\r'.repeat(300));

const FILES: Readonly<
  Record<string, { bytes: Uint8Array; streamed?: boolean; rottenFrom?: number; unreadable?: boolean }>
> = {
  'pxelinux.0': { bytes: pattern(42_430) },
  empty: { bytes: new Uint8Array(0) },
  exact: { bytes: pattern(1024) },
  linux: { bytes: pattern(3_000_001), streamed: true },
  'empty-streamed': { bytes: new Uint8Array(0), streamed: true },
  long: { bytes: pattern(66_000 * 64 + 5), streamed: true },
  'text.cfg': { bytes: text },
  'text-streamed.cfg': { bytes: text, streamed: true },
  unreadable: { bytes: pattern(10), unreadable: true },
  rotten: { bytes: pattern(500_000), streamed: true, rottenFrom: 100_000 },
};

function raise(message: string): never {
  throw new TypeError(message);
}

export const TFTP_DOORS = ['portable', 'fast'] as const;
export type TftpDoorName = (typeof TFTP_DOORS)[number];

export interface RunningTftp {
  readonly server: TftpServer;
  readonly port: number;
  readonly events: readonly BootEvent[];
  /** What the reader was asked for. */
  readonly asked: readonly Parameters<OpenPath>[];
  /** Waits until every transfer has ended, and expects its content to be closed. */
  idle(): Promise<void>;
}

/** The bytes behind a path; throws for one that is not there, so that a test cannot compare with nothing. */
export function fileBytes(path: string): Uint8Array {
  const file = FILES[path.replace(/^\/+/, '')];
  if (!file) throw new Error(`no file ${path} in this fixture`);
  return file.bytes;
}

/** Serves the files, and `secret` (refused), `denied` (with words for the client), `broken.cfg` (a template error), `bug`; everything else is absent. */
export async function startTftp(
  settings: TftpServerDeps['settings'] = {},
  door: TftpDoorName = 'portable',
  openUpload?: OpenUpload,
  /** For what is none of the files here. */
  openOther?: OpenPath,
): Promise<RunningTftp> {
  const events: BootEvent[] = [];
  const asked: Parameters<OpenPath>[] = [];
  const opened: FakeContent[] = [];
  const quiet = () => {};
  let now = 1_700_000_000_000;

  const open: OpenPath = async (path, requester) => {
    asked.push([path, requester]);
    if (path === 'secret') return { kind: 'refused', reason: 'a rule of /etc/hobnail says so' };
    if (path === 'denied') return { kind: 'refused', reason: 'rewrite rule 1 denies it', text: 'ask the operator' };
    if (path === 'broken.cfg') throw new AppError('template-failed', 'templates/broken.hbs:3: no such value');
    if (path === 'bug') throw new TypeError('x is not a function');
    const file = FILES[path.replace(/^\/+/, '')];
    if (!file && openOther) return openOther(path, requester);
    if (!file) return { kind: 'absent', reason: 'no file route matches' };
    const { bytes, unreadable, ...options } = file;
    const content = contentOf(bytes, options);
    opened.push(content);
    if (unreadable) Object.defineProperty(content, 'bytes', { get: () => raise('bytes is not a function') });
    return content;
  };

  const deps: TftpServerDeps = {
    openListener: openDgramListener,
    open,
    openUpload,
    findMac: (ip) => (ip === '127.0.0.1' ? parseMac('52:54:00:aa:bb:cc') : undefined),
    record: (event) => events.push(event),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    now: () => now++,
    settings: { port: 0, ...settings },
  };
  const server = door === 'fast' ? startFast(deps) : createTftpServer(deps);
  await server.setAddresses([{ address: '127.0.0.1' }]);
  return {
    server,
    port: server.listeners()[0]?.port ?? 0,
    events,
    asked,
    async idle() {
      // As long as an event is held back, the fast door calls its transfer running.
      await expect.poll(() => server.running(), { timeout: 20_000 }).toBe(0);
      // Looking at transfers takes in what the thread has said.
      expect(server.transfers()).toEqual([]);
      expect(opened.every((content) => content.isClosed())).toBe(true);
    },
  };
}

/** A fast door that is not fast after all would make every test of it worthless. */
function startFast(deps: TftpServerDeps): TftpServer {
  const load = loadLibc();
  if (load.kind !== 'loaded') throw new Error(load.reason);
  // So long a sleep that a wake-up that is missed once is a test that fails.
  const server = createFastTftpServer({ ...deps, closeDescriptor: load.libc.close, sleepMs: 120_000 });
  return {
    ...server,
    async setAddresses(addresses) {
      await server.setAddresses(addresses);
      expect(server.door()).toEqual({ kind: 'fast', reason: expect.any(String) });
    },
  };
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A tree in memory behind the boot door, and a client that writes requests byte by byte. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { OpenContent, OpenPath, Requester } from '../../src/boot/content.ts';
import { AppError } from '../../src/errors.ts';

export const MODIFIED = Date.UTC(2026, 0, 2, 3, 4, 5);

export interface FakeContent extends OpenContent {
  closed: number;
}

/** Content whose byte at `n` is `n % 251`, read in pieces as from a disk. */
export function patternContent(size: number, rest: Partial<OpenContent> = {}): FakeContent {
  const content: FakeContent = {
    kind: 'content',
    size,
    contentType: 'application/octet-stream',
    etag: `size-${size}`,
    modifiedAt: MODIFIED,
    origin: 'image pattern',
    closed: 0,
    async read(into, position) {
      const count = Math.max(0, Math.min(into.length, size - position));
      for (let i = 0; i < count; i++) into[i] = (position + i) % 251;
      return count;
    },
    async close() {
      content.closed++;
    },
    ...rest,
  };
  return content;
}

export function patternBytes(start: number, end: number): Buffer {
  return Buffer.from(Array.from({ length: end - start }, (_, i) => (start + i) % 251));
}

export function textContent(text: string, rest: Partial<OpenContent> = {}): FakeContent {
  const bytes = Buffer.from(text);
  return patternContent(bytes.length, {
    bytes,
    contentType: 'text/plain; charset=utf-8',
    origin: 'template x.hbs',
    ...rest,
  });
}

/** Serves `files`; remembers who asked for what. */
export function fakeTree(files: Record<string, () => OpenContent | Promise<OpenContent>>) {
  const asked: { path: string; requester: Requester }[] = [];
  const open: OpenPath = async (path, requester) => {
    asked.push({ path, requester });
    if (path.split('/').includes('..')) return { kind: 'refused', reason: 'the path leaves the tree' };
    if (path === 'broken') throw new AppError('template-failed', 'vars.disk is missing');
    if (path === 'bug') throw new TypeError('undefined is not a function');
    const make = files[path];
    return make ? await make() : { kind: 'absent', reason: 'no file route matches' };
  };
  return { open, asked };
}

/** Sends `request` as it stands and returns all the server says until it closes. */
export async function talk(port: number, request: string | Buffer, host = '127.0.0.1'): Promise<string> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => {});
  socket.write(request);
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('latin1');
}

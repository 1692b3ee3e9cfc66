/** Packed archives as streams of what is in them: by Node where it can, else by the system's own program, kept in bounds. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable, Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { AppError, messageOf } from '../errors.ts';

/** More than any boot archive unpacks to; a small file can be made to unpack to anything. */
const MOST_BYTES = 64 * 1024 ** 3;
/** Of what a program complains. */
const MOST_COMPLAINT = 500;

interface Program {
  readonly name: string;
  readonly args: readonly string[];
  /** Debian's package. */
  readonly package: string;
}

/** xz at its highest setting asks for 65 MiB; a file that asks for gigabytes is refused by xz itself. */
const XZ: Program = { name: 'xz', args: ['-dc', '--memlimit-decompress=256MiB'], package: 'xz-utils' };
const BZIP2: Program = { name: 'bzip2', args: ['-dc'], package: 'bzip2' };

/**
 * The streams that give the plain bytes of `archive`, the first of which reads it; how it is packed is told by its first bytes,
 * not its name. Their failures are errors whose message says what is wrong with the archive.
 * @throws AppError `read-failed`
 */
export async function unpacking(archive: string): Promise<readonly [Readable, ...Transform[]]> {
  const magic = await firstBytes(archive);
  if (magic.startsWith('1f8b')) return [createReadStream(archive), createGunzip(), bounded()];
  if (magic.startsWith('28b52ffd')) return [createReadStream(archive), createZstdDecompress(), bounded()];
  if (magic.startsWith('fd377a585a00')) return [Readable.from(unpackedBy(XZ, archive)), bounded()];
  if (magic.startsWith('425a68')) return [Readable.from(unpackedBy(BZIP2, archive)), bounded()];
  return [createReadStream(archive)];
}

async function firstBytes(archive: string): Promise<string> {
  const handle = await open(archive).catch((cause: unknown) => {
    throw new AppError('read-failed', `${archive} cannot be read: ${messageOf(cause)}`, { cause });
  });
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 0).finally(() => handle.close());
  return buffer.subarray(0, bytesRead).toString('hex');
}

/** The program reads the open file itself, so that no name can be taken for an option; it ends with its reader. */
async function* unpackedBy({ name, args, package: by }: Program, archive: string): AsyncGenerator<Buffer> {
  const handle = await open(archive);
  const child = spawn(name, [...args], {
    stdio: [handle.fd, 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
  });
  const ended = once(child, 'close').then(
    ([code, signal]) => (code === 0 ? undefined : `${name} ended with ${code ?? signal}`),
    (cause: NodeJS.ErrnoException) => cause,
  );
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(0, MOST_COMPLAINT);
  });
  try {
    yield* child.stdout as AsyncIterable<Buffer>;
    const fault = await ended;
    if (fault === undefined) return;
    if (typeof fault !== 'string' && fault.code === 'ENOENT')
      throw new AppError(
        'image-invalid',
        `${archive} is packed by ${name}, which is not installed here: sudo apt-get install ${by}`,
      );
    throw new Error(complaint.trim() || messageOf(fault));
  } finally {
    child.kill('SIGKILL');
    await handle.close();
  }
}

function bounded(): Transform {
  let total = 0;
  return new Transform({
    transform(chunk: Buffer, _, done) {
      total += chunk.length;
      done(total > MOST_BYTES ? new Error('it unpacks to more than 64 GiB') : null, chunk);
    },
  });
}

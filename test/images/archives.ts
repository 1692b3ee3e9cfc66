/** ISO and tar archives for tests: by xorriso, the program distributions make theirs with, and with faults by hand. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';

const exec = promisify(execFile);

export type IsoTree = Readonly<Record<string, string | Buffer | { readonly link: string }>>;

/** @param extensions `-R` Rock Ridge, `-J` Joliet; none gives plain ISO 9660 */
export async function makeIso(
  tree: IsoTree,
  extensions: readonly string[] = ['-R', '-J'],
  label = 'TEST',
): Promise<Buffer> {
  const work = await mkdtemp(join(tmpdir(), 'hobnail-test-iso-'));
  try {
    for (const [path, content] of Object.entries(tree)) {
      const file = join(work, 'tree', path);
      await mkdir(dirname(file), { recursive: true });
      if (typeof content === 'string' || Buffer.isBuffer(content)) await writeFile(file, content);
      else await symlink(content.link, file);
    }
    const out = join(work, 'out.iso');
    const args = ['-as', 'mkisofs', '-quiet', '-V', label, ...extensions, '-o', out, join(work, 'tree')];
    await exec('xorriso', args);
    return await readFile(out);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

export type Packing = 'plain' | 'gzip' | 'zstd' | 'xz' | 'bzip2';

export async function makeTar(
  members: readonly (Partial<Header> & { readonly name: string; readonly content?: string })[],
  packing: Packing = 'gzip',
): Promise<Buffer> {
  const stream = pack();
  for (const { content, ...header } of members) stream.entry(header, content ?? '');
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return packed(Buffer.concat(chunks), packing);
}

function packed(plain: Buffer, packing: Packing): Buffer {
  switch (packing) {
    case 'plain':
      return plain;
    case 'gzip':
      return gzipSync(plain);
    case 'zstd':
      return zstdCompressSync(plain);
    case 'xz':
    case 'bzip2':
      return execFileSync(packing, ['-1c'], { input: plain, maxBuffer: 64 * 1024 * 1024 });
    default:
      return packing satisfies never;
  }
}

/** ISO and tar archives for tests: by xorriso, the program distributions make theirs with, and with faults by hand. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
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

export async function makeTar(
  members: readonly (Partial<Header> & { readonly name: string; readonly content?: string })[],
): Promise<Buffer> {
  const stream = pack();
  for (const { content, ...header } of members) stream.entry(header, content ?? '');
  stream.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

import { mkdtempSync, rmSync, type Stats } from 'node:fs';
import { rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHotImages } from '../../src/files/hot-images.ts';

let root: string;
let look: Stats;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'hobnail-test-hot-'));
  await writeFile(join(root, 'linux'), 'kernel');
  look = await stat(join(root, 'linux'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test.each<[string, (file: string) => Promise<void>]>([
  [
    'replaced by another',
    async (file) => {
      await writeFile(`${file}.new`, 'other!');
      await rename(`${file}.new`, file);
    },
  ],
  [
    'written over in place, with its time set back',
    async (file) => {
      const { mtime } = await stat(file);
      await writeFile(file, 'other!');
      await utimes(file, mtime, new Date(mtime.getTime() - 5));
    },
  ],
  ['taken away', (file) => rm(file)],
  [
    'replaced by a link',
    async (file) => {
      await rm(file);
      await writeFile(`${file}.other`, 'kernel');
      await symlink('linux.other', file);
    },
  ],
])('a file that was %s is not served from memory', async (_, change) => {
  const hot = createHotImages<{ readonly text: string }>(root);
  hot.keep('key', { text: 'kernel' }, look);
  await expect.poll(() => hot.find('key', 'linux')).toEqual({ text: 'kernel' });
  await change(join(root, 'linux'));
  expect(hot.find('key', 'linux')).toBeUndefined();
});

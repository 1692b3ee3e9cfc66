import { mkdtempSync, rmSync, type Stats } from 'node:fs';
import { rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHotImages } from '../../src/files/hot-images.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hobnail-test-hot-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Far enough ahead that what was just written counts as settled. */
const later = () => Date.now() + 10_000;

let statOf: Stats;
beforeEach(async () => {
  await writeFile(join(root, 'linux'), 'kernel');
  statOf = await stat(join(root, 'linux'));
});

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
      await utimes(file, mtime, mtime);
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
  const file = join(root, 'linux');
  const hot = createHotImages(root, later);
  hot.keep('linux', Buffer.from('kernel'), statOf);
  await expect.poll(() => hot.find('linux')?.bytes).toEqual(Buffer.from('kernel'));
  await change(file);
  expect(hot.find('linux')).toBeUndefined();
});

test('a file written a moment ago is not kept: it may change within one tick of its times', () => {
  const hot = createHotImages(root, Date.now);
  hot.keep('linux', Buffer.from('kernel'), statOf);
  expect(hot.known('linux', statOf)).toBeUndefined();
});

test('bytes that are not the whole file are not kept', () => {
  const hot = createHotImages(root, later);
  hot.keep('linux', Buffer.from('kern'), statOf);
  expect(hot.known('linux', statOf)).toBeUndefined();
});

import { mkdtempSync, renameSync, rmSync, statSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { looksTheSame } from '../../src/os/file-look.ts';

function setUp() {
  const directory = mkdtempSync(join(tmpdir(), 'hobnail-look-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'file');
  writeFileSync(file, 'one');
  const link = join(directory, 'link');
  symlinkSync(file, link);
  return { directory, file, link, look: statSync(link) };
}

it('is the same while nobody touches it, through a link too', () => {
  const { file, link, look } = setUp();
  expect([looksTheSame(file, look), looksTheSame(link, look)]).toEqual([true, true]);
});

it('is another one when the name leads elsewhere, or nowhere', () => {
  const { directory, file, link, look } = setUp();
  writeFileSync(join(directory, 'other'), 'one');
  renameSync(join(directory, 'other'), file);
  expect(looksTheSame(link, look)).toBe(false);
  unlinkSync(file);
  expect(looksTheSame(link, look)).toBe(false);
  expect(looksTheSame(join(directory, 'file', 'below'), look)).toBe(false);
});

it('is another one when it was written to', () => {
  const { file, look } = setUp();
  writeFileSync(file, 'longer');
  expect(looksTheSame(file, look)).toBe(false);
});

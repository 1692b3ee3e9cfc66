/** Cases as files: input, a line of dashes, expected output. `UPDATE_GOLDEN=1` writes what came out instead of comparing. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

export interface GoldenCase {
  readonly name: string;
  readonly file: string;
  readonly input: string;
  readonly expected: string;
}

const DASHES = /^-{8,}\n/m;

/** Every file of `test/fixtures/<folder>`, in order of name. */
export function goldenCases(folder: string): readonly GoldenCase[] {
  const root = join(import.meta.dirname, '..', 'fixtures', folder);
  return readdirSync(root)
    .sort()
    .map((name) => {
      const text = readFileSync(join(root, name), 'utf8');
      const cut = DASHES.exec(text);
      if (!cut) throw new Error(`${name} has no line of dashes`);
      const expected = text.slice(cut.index + cut[0].length);
      return { name: name.replace(/\.[a-z]+$/, ''), file: join(root, name), input: text.slice(0, cut.index), expected };
    });
}

export function expectGolden(golden: GoldenCase, actual: string): void {
  if (process.env.UPDATE_GOLDEN) writeFileSync(golden.file, `${golden.input}----------\n${actual}`);
  else expect(actual).toBe(golden.expected);
}

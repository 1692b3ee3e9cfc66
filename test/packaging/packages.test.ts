import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
// @ts-expect-error: a script for any Node, without types
import { packages } from '../../scripts/packages.mjs';

interface Package {
  readonly name: string;
  readonly suites: readonly string[];
  readonly proof: readonly string[];
  readonly why: string;
}

const listed: readonly Package[] = packages;
const root = resolve(import.meta.dirname, '../..');

describe('the list of packages that npm test installs', () => {
  // The two boots of npm test need a lab; what the others ask for beyond that is brought for them.
  test.each([
    { file: 'src/lab/requirements.ts', wanting: ['smoke', 'e2e'] },
    { file: 'test/e2e/requirements.ts', wanting: ['e2e'] },
  ])('has all that $file asks for, for $wanting', ({ file, wanting }) => {
    const asked = [...readFileSync(resolve(root, file), 'utf8').matchAll(/debian: '([^']+)'/g)].map(
      (match) => match[1],
    );
    const brought = listed.filter(({ suites }) => wanting.every((suite) => suites.includes(suite)));
    expect(asked).not.toEqual([]);
    expect(asked.filter((name) => !brought.some((entry) => entry.name === name))).toEqual([]);
  });

  test('gives each package once, with a reason and an absolute path that proves it', () => {
    expect(new Set(listed.map(({ name }) => name)).size).toBe(listed.length);
    for (const { name, proof, why } of listed) {
      expect(why, name).not.toBe('');
      expect(proof.length, name).toBeGreaterThan(0);
      expect(proof.filter((path) => !path.startsWith('/'))).toEqual([]);
    }
  });
});

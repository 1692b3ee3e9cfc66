import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../src/errors.ts';

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');
const rows = Array.from(
  page.matchAll(/^\| `([^`]+)` \| (\d+) \| (\d) \| (.+?) \| (.+) \|$/gm),
  ([, ...cells]) => cells,
);

describe('docs/errors.md', () => {
  it('lists every code of the catalogue, in its order, and no other', () => {
    expect(rows.map(([code]) => code)).toEqual(Object.keys(ERRORS));
  });

  it.each(rows)('agrees with the catalogue on %s', (code, status, tftp, title, advice) => {
    const entry = Object.entries(ERRORS).find(([name]) => name === code)?.[1];
    expect({ status: Number(status), tftp: Number(tftp), title }).toEqual(entry);
    expect(advice.length).toBeGreaterThan(20);
  });
});

/** Telling that a file may have changed. */
import { statSync, utimesSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stampOf } from '../../src/files/stamp.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

describe('stampOf', () => {
  it('is the same for a file that was left alone and another for one that was not', () => {
    const tree = temporaryTree({ a: 'one' });
    const later = Date.now() + 1000;
    const stamp = () => stampOf(statSync(tree.at('a'), { bigint: true }), later);
    const first = stamp();
    expect(first).toBeDefined();
    expect(stamp()).toBe(first);
    utimesSync(tree.at('a'), 1, 1);
    expect(stamp()).not.toBe(first);
  });

  it('cannot tell for a file written this very moment', () => {
    const tree = temporaryTree({ a: 'one' });
    const stats = statSync(tree.at('a'), { bigint: true });
    expect(stampOf(stats, Number(stats.ctimeMs) + 5)).toBeUndefined();
  });
});

import { describe, expect, test } from 'vitest';
import { createProgressView, formatBar } from '../../src/cli/images/progress.ts';
import { createOutput } from '../../src/cli/output.ts';

function view(isTTY: boolean, format: 'text' | 'json' = 'text') {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) };
  let at = 0;
  const made = createProgressView(
    createOutput(format, { stdout: stream, stderr: stream }),
    { ...stream, isTTY, columns: 200 },
    () => at,
  );
  return { ...made, written, pass: (ms: number) => (at += ms) };
}

const bytes = (done: number) =>
  ({ kind: 'bytes', image: 'os', file: 'linux', phase: 'fetch', done, total: 1024 * 1024 }) as const;

describe('progress', () => {
  test('is a bar with bytes, rate and remaining time on a terminal', () => {
    const { show, end, written, pass } = view(true);
    show(bytes(0));
    pass(1000);
    show(bytes(512 * 1024));
    expect(written.at(-1)).toMatch(
      /^linux +fetching +█{12}░{12} 50 % {2}512 KiB of 1.0 MiB {2}512 KiB\/s {2}1 s left\n$/,
    );
    end();
    expect(written.at(-1)).toBe('\x1b[1A\x1b[J');
  });

  test.each<[string, boolean, 'text' | 'json']>([
    ['no terminal', false, 'text'],
    ['JSON is asked for', true, 'json'],
  ])('is silent but for outcomes where there is %s', (_, isTTY, format) => {
    const { show, written } = view(isTTY, format);
    show(bytes(0));
    show(bytes(1024));
    show({ kind: 'outcome', outcome: { kind: 'present', to: 'os/linux', image: 'os' } });
    expect(written).toHaveLength(1);
    expect(written[0]).toContain('os/linux  (there already)');
  });

  test('without a known size tells what came', () => {
    const bar = { label: 'x', phase: 'fetch', startedAt: 0, from: 0, done: 2048, total: undefined } as const;
    expect(formatBar(bar, 2000)).toMatch(/^x +fetching {3}2.0 KiB {2}1.0 KiB\/s$/);
  });
});

import { expect, test } from 'vitest';
import { createOutput, formatTable } from '../../src/cli/output.ts';

function capture(format: 'text' | 'json') {
  const written = { out: '', err: '' };
  const output = createOutput(format, {
    stdout: { write: (text: string) => (written.out += text) },
    stderr: { write: (text: string) => (written.err += text) },
  });
  return { written, output };
}

test('a table is as wide as its cells and has no trailing spaces', () => {
  expect(
    formatTable(
      ['name', 'mac'],
      [
        ['web01', '52:54:00:00:00:01'],
        ['db', ''],
      ],
    ),
  ).toBe('NAME   MAC\nweb01  52:54:00:00:00:01\ndb');
});

test('people get the text with one line end', () => {
  const { written, output } = capture('text');
  output.result('hello', { ignored: true });
  expect(written.out).toBe('hello\n');
});

test('pipes get JSON with maps as objects and bytes as hex', () => {
  const { written, output } = capture('json');
  output.result('ignored', { map: new Map([['a', 1]]), bytes: Uint8Array.of(1, 255) });
  expect(JSON.parse(written.out)).toEqual({ map: { a: 1 }, bytes: '01ff' });
});

test('notes and problems stay off stdout', () => {
  const { written, output } = capture('text');
  output.note('by the way');
  output.problems([{ severity: 'error', file: 'a.yaml', line: 3, column: 7, message: 'wrong.', advice: 'Right it.' }]);
  expect(written.out).toBe('');
  expect(written.err).toContain('a.yaml:3:7: wrong. Right it.');
});

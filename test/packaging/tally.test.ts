import { describe, expect, test } from 'vitest';
// @ts-expect-error: a script for any Node, without types
import { box, countLine, readReport, sum } from '../../scripts/tally.mjs';

const file = (status: string, ...tests: string[]) => ({
  name: 'x.test.ts',
  status,
  assertionResults: tests.map((result, index) => ({ status: result, fullName: `test ${index}` })),
});

describe('readReport', () => {
  test.each([
    ['passes and failures', [file('failed', 'passed', 'failed')], 1, { passed: 1, failed: 1, skipped: 0 }],
    [
      'a skipped and a planned test',
      [file('passed', 'passed', 'skipped', 'todo')],
      0,
      { passed: 1, failed: 0, skipped: 2 },
    ],
    [
      'a file that failed before its tests',
      [file('failed'), file('passed', 'passed')],
      1,
      { passed: 1, failed: 1, skipped: 0 },
    ],
    ['a bad end without a failed test', [file('passed', 'passed')], 1, { passed: 1, failed: 1, skipped: 0 }],
    ['no test at all', [], 0, { passed: 0, failed: 1, skipped: 0 }],
  ])('counts %s', (_, testResults, exitCode, expected) => {
    expect(readReport({ testResults }, exitCode, { mayBeEmpty: false })).toMatchObject(expected);
  });

  test('counts a run that left no report as failed', () => {
    expect(readReport(undefined, 1, { mayBeEmpty: false })).toMatchObject({ passed: 0, failed: 1 });
    expect(readReport(undefined, 1, { mayBeEmpty: true })).toMatchObject({ passed: 0, failed: 1 });
  });

  test('lets a narrowed run be empty', () => {
    expect(readReport({ testResults: [] }, 0, { mayBeEmpty: true })).toMatchObject({ passed: 0, failed: 0 });
  });

  test('names what was skipped', () => {
    const count = readReport({ testResults: [file('passed', 'passed', 'skipped')] }, 0, { mayBeEmpty: false });
    expect(count.skippedNames).toEqual(['test 1']);
  });
});

test('names what failed, in a test and outside of one, with what it said first', () => {
  const failing = {
    name: 'y.test.ts',
    status: 'failed',
    assertionResults: [{ status: 'failed', fullName: 'boots', failureMessages: ['Error: no report\n    at boot'] }],
  };
  const broken = { name: 'z.test.ts', status: 'failed', assertionResults: [], message: 'Error: no kernel\n    at x' };
  expect(readReport({ testResults: [failing, broken] }, 1, { mayBeEmpty: false })).toMatchObject({
    failed: 2,
    failedNames: ['boots: Error: no report'],
    problems: ['z.test.ts failed outside of its tests: Error: no kernel'],
  });
});

describe('countLine', () => {
  test.each([
    [{ passed: 3, failed: 0, skipped: 0 }, '3 passed, 0 failed'],
    [{ passed: 3, failed: 1, skipped: 2 }, '3 passed, 1 failed, 2 skipped'],
  ])('%j is "%s"', (count, line) => expect(countLine(count)).toBe(line));

  test('sums runs', () => {
    const one = { passed: 1, failed: 2, skipped: 3 };
    expect(sum([one, one])).toEqual({ passed: 2, failed: 4, skipped: 6 });
  });
});

test('the box is as wide as its longest line', () => {
  const lines: string[] = box('title', ['a line longer than the title', 'short']).split('\n');
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

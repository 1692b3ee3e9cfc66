import { describe, expect, test } from 'vitest';
import { cpuSeconds, inTurn, median, medianRatio, peakMemory } from '../../bench/measure.ts';
import { formatReport } from '../../bench/report.ts';

describe('measuring', () => {
  test.each([
    { name: 'the middle of an odd number of values', given: [9, 1, 5], expected: 5 },
    { name: 'the mean of the two in the middle', given: [4, 1, 3, 100], expected: 3.5 },
    { name: 'nothing of nothing', given: [], expected: Number.NaN },
  ])('a median is $name', ({ given, expected }) => {
    expect(median(given)).toBe(expected);
  });

  test('ratios are taken round by round, so a slow moment that met both does not count', () => {
    expect(medianRatio([10, 100, 10], [5, 50, 5])).toBe(2);
  });

  test('each second round runs backwards', async () => {
    const order: string[] = [];
    const options = { rounds: 3, deadline: Number.POSITIVE_INFINITY };
    const results = await inTurn(['a', 'b'], options, async (who) => order.push(who));
    expect(order.join('')).toBe('abbaab');
    expect([...results.values()]).toEqual([
      [1, 4, 5],
      [2, 3, 6],
    ]);
  });

  test('one round is always run, and none begins after the deadline', async () => {
    const results = await inTurn(['a'], { rounds: 9, deadline: 0 }, async () => 1);
    expect(results.get('a')).toEqual([1]);
  });

  test('CPU time and memory of this process are what Node says of them', async () => {
    const { user, system } = process.cpuUsage();
    // Clock ticks are coarse, and children of other tests in this process may have ended.
    expect(await cpuSeconds(process.pid)).toBeGreaterThan((user + system) / 1e6 - 0.1);
    expect((await peakMemory(process.pid)) / (process.resourceUsage().maxRSS * 1024)).toBeCloseTo(1, 1);
  });
});

test('a report shows ratios, directions and what is missing', () => {
  const text = formatReport({
    rows: [
      {
        bench: 'tftp',
        case: 'one file',
        unit: 'MB/s',
        better: 'more',
        cells: [
          { who: 'hobnail', value: 123.4 },
          { who: 'atftpd', value: 61.7, ratio: 2, note: '[1 of 3 failed]' },
        ],
      },
      { bench: 'decide', case: 'a decision', unit: 'µs', better: 'less', cells: [{ who: 'hobnail', value: 4.951 }] },
    ],
    remarks: ['tftp: dnsmasq is not installed: no column'],
  });
  expect(text).toContain('tftp: one file      MB/s ↑  123      61.7 (×2.00) [1 of 3 failed]');
  expect(text).toContain('decide: a decision  µs ↓    4.95     –');
  expect(text).toContain('- tftp: dnsmasq is not installed: no column');
});

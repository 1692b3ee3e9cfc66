import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { NetworkInterface } from '../../src/os/interfaces.ts';
import { compareInterfaces, type InterfaceChange, watchInterfaces } from '../../src/os/watch-interfaces.ts';

const make = (name: string, fields: Partial<NetworkInterface> = {}): NetworkInterface => ({
  name,
  index: 2,
  mac: undefined,
  kind: 'ethernet',
  mtu: 1500,
  up: true,
  carrier: true,
  ipv6: false,
  addresses: [{ address: '10.77.0.1' as Ipv4, prefix: 24 }],
  ...fields,
});
const tell = (changes: readonly InterfaceChange[]) =>
  changes.map((one) => [one.kind, one.interface.name, ...(one.kind === 'changed' ? one.parts : [])].join(' '));

it.each([
  ['nothing happened', [make('eth0')], [make('eth0')], []],
  ['one came', [make('eth0')], [make('eth0'), make('eth1')], ['added eth1']],
  ['one went', [make('eth0'), make('eth1')], [make('eth1')], ['removed eth0']],
  ['one was made again between two looks', [make('eth0')], [make('eth0', { index: 9 })], ['changed eth0 index']],
  ['it lost its address', [make('eth0')], [make('eth0', { addresses: [] })], ['changed eth0 addresses']],
  [
    'its prefix changed',
    [make('eth0')],
    [make('eth0', { addresses: [{ address: '10.77.0.1' as Ipv4, prefix: 16 }] })],
    ['changed eth0 addresses'],
  ],
  ['it went down', [make('eth0')], [make('eth0', { up: false, carrier: false })], ['changed eth0 up carrier']],
  ['it was renamed', [make('eth0')], [make('lan0')], ['removed eth0', 'added lan0']],
])('tells what happened: %s', (_name, before, after, expected) => {
  expect(tell(compareInterfaces(before, after))).toEqual(expected);
});

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('looks again at each interval, reports a change once, and stops when closed', () => {
  let now = [make('eth0')];
  const seen: string[] = [];
  const watch = watchInterfaces({ everyMs: 500, list: () => now, onChange: (changes) => seen.push(...tell(changes)) });
  vi.advanceTimersByTime(1000);
  expect(seen).toEqual([]);
  now = [make('eth0'), make('eth1')];
  vi.advanceTimersByTime(500);
  expect(seen).toEqual(['added eth1']);
  expect(watch.current).toBe(now);
  vi.advanceTimersByTime(5000);
  now = [];
  watch.check();
  expect(seen).toEqual(['added eth1', 'removed eth0', 'removed eth1']);
  watch.close();
  now = [make('eth0')];
  vi.advanceTimersByTime(5000);
  expect(seen).toHaveLength(3);
});

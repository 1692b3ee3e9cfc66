import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createTimers } from '../../src/os/timers.ts';

it('fires what is due, in order of deadlines, and never what was cancelled', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(1000), fc.boolean()), { maxLength: 60 }), fc.nat(1000), (wanted, now) => {
      const timers = createTimers();
      const fired: number[] = [];
      for (const [atMs, cancelled] of wanted) {
        const cancel = timers.set(atMs, () => fired.push(atMs));
        if (cancelled) cancel();
      }
      const kept = wanted.filter(([, cancelled]) => !cancelled).map(([atMs]) => atMs);
      kept.sort((a, b) => a - b);
      expect(timers.next()).toBe(kept[0]);
      timers.fire(now);
      expect(fired).toEqual(kept.filter((atMs) => atMs <= now));
      expect(timers.next()).toBe(kept.find((atMs) => atMs > now));
    }),
  );
});

it('leaves what a callback sets anew for the next time', () => {
  const timers = createTimers();
  let count = 0;
  const again = () => {
    count++;
    timers.set(0, again);
  };
  timers.set(0, again);
  timers.fire(5);
  expect(count).toBe(1);
});

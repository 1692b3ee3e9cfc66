import { expect, it } from 'vitest';
import { createKnownTrips } from '../../src/tftp/known-trips.ts';
import { NO_ROUND_TRIP } from '../../src/tftp/round-trip.ts';

const trip = { smoothedMs: 2, variationMs: 0.1, shortestMs: 1.5 };

it('T-30 remembers what was measured with a client, no surer of it than after one measurement', () => {
  const trips = createKnownTrips();
  trips.learn('10.77.0.9', trip, 1000);
  expect(trips.recall('10.77.0.9', 2000)).toEqual({ smoothedMs: 2, variationMs: 1, shortestMs: 1.5 });
  expect(trips.recall('10.77.0.10', 2000)).toBeUndefined();
});

it('keeps a variation that is larger than that', () => {
  const trips = createKnownTrips();
  trips.learn('10.77.0.9', { ...trip, variationMs: 7 }, 0);
  expect(trips.recall('10.77.0.9', 1)?.variationMs).toBe(7);
});

it('forgets after two minutes, and takes nothing from a transfer that measured nothing', () => {
  const trips = createKnownTrips();
  trips.learn('10.77.0.9', trip, 0);
  trips.learn('10.77.0.9', NO_ROUND_TRIP, 60_000);
  expect(trips.recall('10.77.0.9', 119_999)).toBeDefined();
  expect(trips.recall('10.77.0.9', 120_000)).toBeUndefined();
});

it('holds 4096 clients, of which the longest silent one goes first', () => {
  const trips = createKnownTrips();
  for (let client = 0; client < 4096; client++) trips.learn(`client ${client}`, trip, 0);
  trips.learn('client 0', trip, 1);
  trips.learn('another', trip, 1);
  const known = (client: string) => trips.recall(client, 2) !== undefined;
  expect(['client 0', 'client 1', 'client 2', 'another'].map(known)).toEqual([true, false, true, true]);
});

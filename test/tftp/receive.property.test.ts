import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { simulateUpload } from '../support/receive-simulation.ts';

const calm = { loss: 0, copies: 0, minMs: 0.2, maxMs: 0.2, diskMs: 0 };
const inOrder = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

const wires = fc.record({
  seed: fc.integer(),
  loss: fc.constantFrom(0, 0.01, 0.05, 0.2, 0.4),
  copies: fc.constantFrom(0, 0.05, 0.5),
  minMs: fc.constantFrom(0.1, 5),
  maxMs: fc.constantFrom(0.2, 6, 40),
  diskMs: fc.constantFrom(0, 3, 400, 4000),
});

describe('any schedule of loss, copies and reordering', { timeout: 60_000 }, () => {
  it('T-35 T-36 ends with every block stored once, in order, or with a clean failure', () => {
    const uploads = fc.record({
      windowsize: fc.constantFrom(1, 2, 4, 16, 64),
      last: fc.integer({ min: 1, max: 150 }),
      apprentice: fc.boolean(),
    });
    fc.assert(
      fc.property(uploads, wires, (upload, wire) => {
        const { outcome, stored, confirmed, promisedEarly } = simulateUpload(upload, wire);
        expect(stored).toEqual(inOrder(stored.length));
        expect(promisedEarly).toBe(false);
        if (outcome.kind === 'done') expect(stored).toHaveLength(upload.last);
        else expect(outcome.kind).toBe('silent');
        // A client that was told so has a file that is stored.
        if (confirmed) expect(outcome.kind).toBe('done');
      }),
      { numRuns: 2000 },
    );
  });

  it('T-42 ends well when little is lost, also where three openings in a row were', () => {
    fc.assert(
      fc.property(fc.integer(), fc.constantFrom(1, 4, 16), (seed, windowsize) => {
        const result = simulateUpload({ windowsize, last: 100 }, { ...calm, seed, loss: 0.05, copies: 0.05 });
        expect(result).toMatchObject({ outcome: { kind: 'done' }, confirmed: true });
      }),
      {
        numRuns: 500,
        examples: [
          [1959155200, 1],
          [-948735998, 4],
          [1424034239, 16],
        ],
      },
    );
  });

  it('T-36 reports a gap once, so that traffic does not grow with the square of the window', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const { dataSent, acksSent } = simulateUpload({ windowsize: 64, last: 640 }, { ...calm, seed, loss: 0.01 });
        expect(acksSent).toBeLessThan(150);
        expect(dataSent).toBeLessThan(640 * 3);
      }),
      { numRuns: 100 },
    );
  });

  it('T-27 a client that answers copies with copies does not send everything twice', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const upload = { windowsize: 1, last: 300, apprentice: true };
        const { dataSent } = simulateUpload(upload, { ...calm, seed, copies: 0.02 });
        expect(dataSent).toBeLessThan(350);
      }),
      { numRuns: 100 },
    );
  });

  it('T-27 nor when so much is copied that no round trip can be measured', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const upload = { windowsize: 1, last: 64, apprentice: true };
        const { dataSent } = simulateUpload(upload, { ...calm, seed, loss: 0.2, copies: 0.5, minMs: 5, maxMs: 6 });
        expect(dataSent).toBeLessThan(64 * 20);
      }),
      { numRuns: 200, examples: [[90653961]] },
    );
  });
});

describe('more than 65,535 blocks', { timeout: 30_000 }, () => {
  it.each([
    [1, 0, 0],
    [1, 1, 1],
    [1, undefined, 0],
    [1, undefined, 1],
    [16, 0, 0],
    [16, 1, 1],
    [16, undefined, 0],
  ] as const)('T-25 T-38 window %i, agreed %s, the client goes on with %i', (windowsize, rollover, clientRollover) => {
    const upload = { windowsize, clientRollover, last: 131_100, ...(rollover !== undefined && { rollover }) };
    const { outcome, stored } = simulateUpload(upload, { ...calm, seed: 3, loss: 0.0005, copies: 0.0005 });
    expect(outcome.kind).toBe('done');
    expect(stored.length).toBe(131_100);
    expect(stored.every((block, index) => block === index + 1)).toBe(true);
  });
});

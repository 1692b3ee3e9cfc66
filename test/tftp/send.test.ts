import { describe, expect, it } from 'vitest';
import {
  createSendState,
  type SendAction,
  type SendEvent,
  type SendParameters,
  step,
  wireBlock,
} from '../../src/tftp/send.ts';

const defaults: SendParameters = {
  windowsize: 1,
  rollover: 0,
  oack: false,
  ceilingMs: 5000,
  giveUpMs: 30_000,
  jitter: 0,
};

/** A transfer of `last` blocks in memory; `say` gives what it does, without the timer. */
function transferOf(last: number, parameters: Partial<SendParameters> = {}) {
  const state = createSendState({ ...defaults, ...parameters });
  const script = {
    state,
    say: (event: SendEvent) =>
      step(state, event)
        .map(tell)
        .filter((told) => told !== ''),
    start: (nowMs = 0) => script.say({ kind: 'start', nowMs }),
    ack: (block: number, nowMs: number) => script.say({ kind: 'ack', nowMs, block }),
    /** The timer runs out when it is due. */
    wait: () => script.say({ kind: 'timeout', nowMs: state.deadlineMs }),
  };
  step(state, { kind: 'available', nowMs: 0, upTo: last, last });
  return script;
}

/** `oack`, `1-4`, `done`, `error 0`. */
function tell(action: SendAction): string {
  switch (action.kind) {
    case 'send-oack':
      return 'oack';
    case 'send-blocks':
      return action.count === 1 ? `${action.first}` : `${action.first}-${action.first + action.count - 1}`;
    case 'send-error':
      return `error ${action.code}`;
    case 'set-timer':
      return '';
    case 'end':
      return action.outcome.kind;
    default:
      return action satisfies never;
  }
}

/** With OACK answered after 1 ms: blocks of the first window are out at 1. */
function windowed(last: number, windowsize: number) {
  const transfer = transferOf(last, { windowsize, oack: true });
  transfer.start();
  transfer.ack(0, 1);
  return transfer;
}

describe('a transfer', () => {
  it('goes block by block without options', () => {
    const { start, ack } = transferOf(3);
    expect([start(), ack(1, 1), ack(2, 2), ack(3, 3)]).toEqual([['1'], ['2'], ['3'], ['done']]);
  });

  it('T-20 begins with OACK, ACK 0, DATA 1', () => {
    const { start, ack } = transferOf(1, { oack: true });
    expect([start(), ack(1, 1), ack(0, 2), ack(1, 3)]).toEqual([['oack'], [], ['1'], ['done']]);
  });

  it('T-20 does not take ACK 0 for the answer to its OACK once DATA 1 is out', () => {
    const { start, ack } = transferOf(2, { oack: true });
    expect([start(), ack(0, 1), ack(0, 2), ack(1, 3)]).toEqual([['oack'], ['1'], [], ['2']]);
  });

  it.each([0, 1] as const)(
    'T-20 takes block 65536, rolled over to %i, for a block and not for its OACK',
    (rollover) => {
      const { start, ack, state } = transferOf(65_540, { oack: true, rollover });
      start();
      for (let block = 0; block <= 65_535; block++) ack(block, block / 100);
      expect(state.base).toBe(65_536);
      expect(ack(rollover === 0 ? 0 : 1, 656)).toEqual(['65537']);
    },
  );

  it('T-70 sends nothing beyond block 1 before the first ACK', () => {
    const { start, wait } = transferOf(9, { oack: false });
    expect([start(), wait(), wait()]).toEqual([['1'], ['1'], ['1']]);
    const windowed = transferOf(9, { oack: true, windowsize: 4 });
    expect([windowed.start(), windowed.wait(), windowed.wait()]).toEqual([['oack'], ['oack'], ['oack']]);
  });

  it('waits for its disk and does not count that against the client', () => {
    const state = createSendState({ ...defaults, oack: true, windowsize: 4 });
    const say = (event: SendEvent) => step(state, event).map(tell).filter(Boolean);
    say({ kind: 'start', nowMs: 0 });
    expect(say({ kind: 'ack', nowMs: 1, block: 0 })).toEqual([]);
    expect(say({ kind: 'timeout', nowMs: state.deadlineMs - 1 })).toEqual([]);
    expect(say({ kind: 'available', nowMs: 20_000, upTo: 2 })).toEqual(['1-2']);
    expect(say({ kind: 'available', nowMs: 20_001, upTo: 3 })).toEqual(['3']);
    expect(say({ kind: 'available', nowMs: 20_002, upTo: 9, last: 12 })).toEqual(['4']);
    expect(say({ kind: 'ack', nowMs: 20_003, block: 4 })).toEqual(['5-8']);
  });

  it('fails when its disk gives nothing for too long', () => {
    const state = createSendState(defaults);
    step(state, { kind: 'start', nowMs: 0 });
    expect(state.deadlineMs).toBe(30_000);
    expect(step(state, { kind: 'timeout', nowMs: 30_000 }).map(tell)).toEqual(['error 0', 'failed']);
  });

  it('T-34 tells the client when reading fails', () => {
    const { start, say } = transferOf(9);
    start();
    expect(say({ kind: 'failure', code: 0, text: 'The file could not be read' })).toEqual(['error 0', 'failed']);
    expect(say({ kind: 'ack', nowMs: 5, block: 1 })).toEqual([]);
  });
});

describe('block numbers', () => {
  it.each([
    [0, 0, 0],
    [65_535, 65_535, 65_535],
    [65_536, 0, 1],
    [65_537, 1, 2],
    [131_070, 65_534, 65_535],
    [131_071, 65_535, 1],
    [131_072, 0, 2],
  ])('T-25 of block %i are %i, or %i when rolling over to 1', (block, toZero, toOne) => {
    expect([wireBlock(block, 0), wireBlock(block, 1)]).toEqual([toZero, toOne]);
  });
});

describe('acknowledgements', () => {
  it('T-26 outside the window are ignored', () => {
    const { ack } = windowed(20, 4);
    expect([ack(5, 2), ack(65_535, 2), ack(9, 2)]).toEqual([[], [], []]);
    expect(ack(4, 3)).toEqual(['5-8']);
    expect([ack(3, 4), ack(1, 4), ack(9, 4)]).toEqual([[], [], []]);
  });

  it('T-27 repeated in lock-step never make it send, at any time', () => {
    const { start, ack, wait } = transferOf(9);
    start();
    expect(ack(1, 1)).toEqual(['2']);
    expect([ack(1, 1.5), ack(1, 12), ack(1, 20)]).toEqual([[], [], []]);
    expect(wait()).toEqual(['2']);
  });

  it('T-28 of the last block in a window bring the next window', () => {
    const { ack } = windowed(10, 4);
    expect([ack(4, 2), ack(8, 3), ack(10, 4)]).toEqual([['5-8'], ['9-10'], ['done']]);
  });

  it('T-28 inside a window go back and fill it from there', () => {
    const { ack } = windowed(20, 4);
    expect(ack(2, 2)).toEqual(['3-6']);
    expect(ack(6, 3)).toEqual(['7-10']);
  });

  it('T-28 of the block before the window resend it once, T-29 however often they come', () => {
    const { ack } = windowed(20, 4);
    expect(ack(4, 2)).toEqual(['5-8']);
    expect([ack(4, 3), ack(4, 3.1), ack(4, 3.2)]).toEqual([['5-8'], [], []]);
    expect([ack(4, 7.9), ack(4, 8.1)]).toEqual([[], ['5-8']]);
  });

  it('T-29 right behind the window they ask for are copies', () => {
    const { ack } = windowed(20, 4);
    expect([ack(4, 2), ack(4, 2.1)]).toEqual([['5-8'], []]);
  });

  it('T-29 answering our own copies do not make new ones', () => {
    const { ack, wait, state } = windowed(40, 4);
    expect(ack(4, 2)).toEqual(['5-8']);
    // 8 is lost; the client answers each copy of what it has with ACK 7.
    expect(wait()).toEqual(['5-8']);
    const now = state.deadlineMs;
    expect([ack(7, now), ack(7, now), ack(7, now)]).toEqual([['9-11'], [], []]);
    expect(ack(11, now + 1)).toEqual(['12-15']);
  });
});

describe('the timer', () => {
  it('T-30 starts at a second, doubles, and stays under the ceiling', () => {
    const { start, wait, state } = transferOf(5, { oack: true, ceilingMs: 1500 });
    start();
    expect(state.deadlineMs).toBe(1000);
    wait();
    expect(state.deadlineMs).toBe(2500);
  });

  it('T-30 follows the round trip down to 20 ms, doubling from there', () => {
    const { start, ack, wait, state } = transferOf(99);
    start();
    for (let block = 1; block <= 20; block++) ack(block, block);
    const due = [];
    for (let turn = 0; turn < 4; turn++) {
      due.push(state.deadlineMs - 20);
      wait();
    }
    expect(due).toEqual([20, 60, 140, 300]);
  });

  it('T-30 does not learn from a block it sent twice (Karn)', () => {
    const { start, ack, wait, state } = transferOf(99);
    start();
    ack(1, 10);
    const before = state.trip;
    wait();
    ack(2, state.sentAtMs + 40);
    expect(state.trip).toEqual(before);
    expect(state.backoffs).toBe(1);
    ack(3, state.sentAtMs + 10);
    expect(state.backoffs).toBe(0);
  });

  it('T-30 after a second of copies in vain leaves a client of 5 s its turn', () => {
    const { start, ack, wait, state } = transferOf(99);
    start();
    for (let block = 1; block <= 20; block++) ack(block, block);
    const waits = [];
    for (let turn = 0; turn < 8; turn++) {
      waits.push(state.deadlineMs - state.sentAtMs);
      wait();
    }
    expect(waits).toEqual([20, 40, 80, 160, 320, 640, 5000, 5000]);
  });

  it('T-30 takes a doubling back when an answer to a block sent twice comes as fast as usual', () => {
    const { start, ack, wait, state } = transferOf(99);
    start();
    ack(1, 10);
    const before = state.trip;
    wait();
    wait();
    ack(2, state.sentAtMs + 10);
    expect(state.trip).toEqual(before);
    expect(state.backoffs).toBe(1);
  });

  it('T-30 does not take a second for a round trip: that is an ACK that was lost and said again', () => {
    const { start, ack, state } = transferOf(99, { oack: true });
    start();
    ack(0, 950);
    expect(state.trip.smoothedMs).toBeUndefined();
    ack(1, 951);
    expect(state.trip.smoothedMs).toBe(1);
  });

  it('T-30 begins anew when a round trip is far shorter than the average', () => {
    const { start, ack, state } = transferOf(99, { oack: true });
    start();
    ack(0, 800);
    ack(1, 801);
    expect(state.trip.smoothedMs).toBe(1);
    ack(2, 803);
    expect(state.trip.smoothedMs).toBe(1.125);
  });

  it('T-30 waits not much longer than an answer takes where a gap is suspected', () => {
    const { start, ack, wait, state } = transferOf(99, { windowsize: 4 });
    start();
    ack(4, 1);
    wait();
    // The client has 5 and 6; whether 7 is missing the next blocks will tell, or nothing will.
    expect(ack(6, state.sentAtMs + 1)).toEqual(['9-10']);
    expect(state.deadlineMs - state.sentAtMs).toBe(5);
    expect(wait()).toEqual(['7-10']);
  });

  it('T-30 T-15 keeps to a client timeout that is longer than the round trip', () => {
    const { start, ack, state } = transferOf(9, { oack: true, ceilingMs: 4000 });
    start();
    ack(0, 2);
    expect(state.deadlineMs - 2).toBeLessThan(100);
  });

  it('T-30 begins with the round trip earlier transfers measured, but leaves the first answer a quarter of a second', () => {
    const trip = { smoothedMs: 1, variationMs: 0.5, shortestMs: 1 };
    const { start, ack, wait, state } = transferOf(9, { oack: true, trip });
    start();
    expect(state.deadlineMs).toBe(250);
    expect(wait()).toEqual(['oack']);
    expect(state.deadlineMs).toBe(1250);
    // Said twice, it measures nothing: without what is known the first loss would cost a second from here on.
    ack(0, 260);
    expect(state.deadlineMs).toBeLessThan(310);
  });

  it('T-70 gives a client it knows three openings too', () => {
    const trip = { smoothedMs: 1, variationMs: 0.5, shortestMs: 1 };
    const { start, wait } = transferOf(9, { trip });
    expect([start(), wait(), wait(), wait()]).toEqual([['1'], ['1'], ['1'], ['silent']]);
  });

  it('T-30 spreads transfers by their jitter', () => {
    const { start, state } = transferOf(9, { jitter: 1 });
    start();
    expect(state.deadlineMs).toBe(1250);
  });

  it.each([
    ['an OACK', true, 'oack'],
    ['DATA 1', false, '1'],
  ])('T-70 sends %s three times and gives up within 5 s', (_name, oack, first) => {
    const { start, wait, state } = transferOf(9, { oack });
    expect([start(), wait(), wait(), wait()]).toEqual([[first], [first], [first], ['silent']]);
    expect(state.deadlineMs).toBe(5000);
  });

  it('T-55 a request repeated at once is a copy, later it counts as one of the three', () => {
    const { start, say, wait } = transferOf(9, { oack: true });
    start();
    const repeat = (nowMs: number) => say({ kind: 'repeat', nowMs });
    expect([repeat(10), repeat(600), repeat(900), repeat(1200), wait()]).toEqual([
      [],
      ['oack'],
      ['oack'],
      [],
      ['silent'],
    ]);
  });

  it('T-52 a request repeated after the first ACK is nothing', () => {
    const { start, ack, say } = transferOf(9, { oack: true });
    start();
    ack(0, 1);
    expect(say({ kind: 'repeat', nowMs: 2000 })).toEqual([]);
  });

  it('T-31 gives up after 30 s without progress, however many ACKs repeat', () => {
    const { start, ack, wait, state } = transferOf(9);
    start();
    ack(1, 1);
    let told: string[] = [];
    for (let turn = 0; turn < 100 && !told.includes('silent'); turn++) {
      ack(1, state.sentAtMs + 0.1);
      told = wait();
    }
    expect(told).toEqual(['silent']);
    expect(state.deadlineMs).toBe(30_001);
  });

  it('T-32 takes a missing last ACK for done', () => {
    const { start, ack, wait, state } = transferOf(2);
    start();
    ack(1, 1);
    let told: string[] = [];
    for (let turn = 0; turn < 100 && told[0] !== 'unconfirmed'; turn++) told = wait();
    expect(told).toEqual(['unconfirmed']);
    expect(state.deadlineMs).toBeLessThanOrEqual(16_000);
  });
});

describe('a client that ends it', () => {
  it.each([
    [8, 'probe'],
    [0, 'probe'],
    [3, 'aborted'],
  ])('T-22 T-60 with ERROR %i instead of ACK 0 is a %s', (code, outcome) => {
    const { start, say } = transferOf(9, { oack: true });
    start();
    expect(say({ kind: 'error', code, text: 'User aborted the transfer' })).toEqual([outcome]);
  });

  it('T-61 in the middle has aborted', () => {
    const { start, ack, say } = transferOf(9);
    start();
    ack(1, 1);
    expect(say({ kind: 'error', code: 0, text: 'Early terminate' })).toEqual(['aborted']);
  });

  it.each([
    [1, 'aborted'],
    [8, 'unconfirmed'],
  ])('by closing its port after block %i has %s', (block, outcome) => {
    const { start, ack, say } = transferOf(9);
    start();
    for (let done = 1; done <= block; done++) ack(done, done);
    expect(say({ kind: 'gone', text: 'the port was closed' })).toEqual([outcome]);
  });
});

import { describe, expect, it } from 'vitest';
import {
  createReceiveState,
  type ReceiveAction,
  type ReceiveEvent,
  type ReceiveParameters,
  type ReceiveState,
  step,
} from '../../src/tftp/receive.ts';

const PARAMETERS: ReceiveParameters = {
  blksize: 512,
  windowsize: 1,
  ceilingMs: 8000,
  giveUpMs: 30_000,
  jitter: 0,
};

/** An action in a word. */
function word(action: ReceiveAction): string {
  switch (action.kind) {
    case 'send-ack':
      return `ack ${action.block}`;
    case 'send-opening':
      return 'opening';
    case 'send-error':
      return `error ${action.code}`;
    case 'end':
      return `end ${action.outcome.kind}`;
    case 'set-timer':
      return '';
    default:
      return action.kind;
  }
}

function machine(parameters: Partial<ReceiveParameters> = {}) {
  const state = createReceiveState({ ...PARAMETERS, ...parameters });
  const feed = (event: ReceiveEvent) =>
    step(state, event)
      .map(word)
      .filter((text) => text !== '');
  const data = (nowMs: number, block: number, size = 512) => feed({ kind: 'data', nowMs, block, size });
  feed({ kind: 'start', nowMs: 0 });
  return { state, feed, data };
}

/** As if that many blocks had come before. */
function skipTo(state: ReceiveState, next: number): void {
  state.phase = 'data';
  state.next = state.acknowledged = next;
  state.answered = true;
}

describe('the opening', () => {
  it('T-35 is sent at the start, and DATA 1 is the answer to it', () => {
    const state = createReceiveState(PARAMETERS);
    expect(step(state, { kind: 'start', nowMs: 0 })).toEqual([
      { kind: 'send-opening' },
      { kind: 'set-timer', atMs: 1000 },
    ]);
    expect(step(state, { kind: 'data', nowMs: 4, block: 1, size: 512 }).map(word)).toEqual(['store', 'ack 1', '']);
    expect(state.trip.smoothedMs).toBe(4);
  });

  it('T-21 T-42 is sent again for a request that comes again, not for a copy of the request', () => {
    const { feed, data } = machine();
    expect(feed({ kind: 'repeat', nowMs: 10 })).toEqual([]);
    expect(feed({ kind: 'repeat', nowMs: 400 })).toEqual(['opening']);
    data(401, 1);
    expect(feed({ kind: 'repeat', nowMs: 900 })).toEqual([]);
  });

  it('T-42 is sent again for every such request, however many openings were lost, until 15 s are over', () => {
    const { state, feed, data } = machine();
    for (let nowMs = 900; nowMs < 15_000; nowMs += 900) {
      expect(feed({ kind: 'repeat', nowMs })).toEqual(['opening']);
    }
    expect(state.deadlineMs).toBe(15_000);
    expect(data(14_900, 1)).toEqual(['store', 'ack 1']);
  });

  it('T-31 is sent three times; then the client has 15 s to begin', () => {
    const { state, feed } = machine();
    const said: string[] = [];
    for (let count = 0; state.phase !== 'ended' && count < 50; count++) {
      said.push(...feed({ kind: 'timeout', nowMs: state.deadlineMs }));
    }
    expect(said).toEqual(['opening', 'opening', 'end silent', 'close']);
    expect(state.deadlineMs).toBe(15_000);
  });
});

describe('blocks', () => {
  it('T-35 are acknowledged after a window of them', () => {
    const { data } = machine({ windowsize: 3 });
    expect([data(1, 1), data(2, 2), data(3, 3), data(4, 4)]).toEqual([
      ['store'],
      ['store'],
      ['store', 'ack 3'],
      ['store'],
    ]);
  });

  it('T-36 behind a gap are dropped, and the gap is reported once', () => {
    const { data } = machine({ windowsize: 4 });
    data(1, 1);
    expect([data(2, 3), data(3, 4), data(4, 2), data(5, 3)]).toEqual([['ack 1'], [], ['store'], ['store']]);
  });

  it('T-36 that are stored already are acknowledged again and not stored again', () => {
    const { data } = machine();
    data(1, 1);
    expect(data(1000, 1)).toEqual(['ack 1']);
    expect(data(1001, 2)).toEqual(['store', 'ack 2']);
  });

  it('T-36 the last ACK is said again while nothing comes, ever more slowly', () => {
    const { state, feed, data } = machine();
    data(1, 1);
    const at: number[] = [];
    for (let count = 0; count < 4; count++) {
      at.push(state.deadlineMs);
      expect(feed({ kind: 'timeout', nowMs: state.deadlineMs })).toEqual(['ack 1']);
    }
    expect(at).toEqual([251, 751, 8751, 16_751]);
  });

  it('T-31 a client without a new block is given up', () => {
    const { state, feed, data } = machine();
    data(1, 1);
    for (let count = 0; state.phase !== 'ended' && count < 50; count++) {
      feed({ kind: 'timeout', nowMs: state.deadlineMs });
      data(state.deadlineMs - 1, 1);
    }
    expect(state.deadlineMs).toBe(30_001);
  });

  it.each([
    ['T-37 longer than agreed', 513, ['error 4', 'end failed', 'close']],
    ['T-37 of the header only', 0, ['store', 'finish']],
    ['one byte short', 511, ['store', 'finish']],
  ])('%s', (_name, size, expected) => {
    expect(machine().data(1, 1, size)).toEqual(expected);
  });

  it.each([
    ['T-38 on to 0', 1, undefined, [0, 1], ['ack 0', 'ack 1']],
    ['T-38 on to 1', 1, undefined, [1, 2], ['ack 1', 'ack 2']],
    ['to 0 as agreed', 1, 0, [0, 1], ['ack 0', 'ack 1']],
    ['to 1 as agreed', 1, 1, [1, 2], ['ack 1', 'ack 2']],
    ['T-38 after 0 comes 1, not 0', 1, undefined, [0, 0], ['ack 0', 'ack 0']],
    ['not to 1 where 0 is agreed', 1, 0, [1], []],
  ] as const)('roll over %s', (_name, windowsize, rollover, blocks, acks) => {
    const { state, data } = machine({ windowsize, rollover });
    skipTo(state, 65_536);
    const said = blocks.flatMap((block, index) => data(1000 * (index + 1), block));
    expect(said.filter((text) => text.startsWith('ack'))).toEqual(acks);
  });

  it('T-38 in a window, a 1 after 65535 is the block behind a lost 0', () => {
    const { state, data } = machine({ windowsize: 4 });
    skipTo(state, 65_536);
    expect([data(1, 1), data(2, 0), data(3, 1)]).toEqual([['ack 65535'], ['store'], ['store']]);
  });

  it('of nowhere near are ignored', () => {
    const { data } = machine({ windowsize: 4 });
    data(1, 1);
    expect([data(2, 40_000), data(2, 6), data(2, 0), data(2, 65_535)]).toEqual([[], [], [], []]);
  });
});

describe('a disk that is slower than the network', () => {
  it('gets no more before it has room, and that is not taken for silence', () => {
    const { state, feed, data } = machine();
    feed({ kind: 'full' });
    expect(data(1, 1)).toEqual(['store']);
    for (let count = 0; count < 20; count++) expect(feed({ kind: 'timeout', nowMs: state.deadlineMs })).toEqual([]);
    expect(state.deadlineMs).toBeGreaterThan(30_000);
    expect(feed({ kind: 'room', nowMs: 50_000 })).toEqual(['ack 1']);
    expect(data(50_001, 2)).toEqual(['store', 'ack 2']);
  });
});

describe('the end', () => {
  function complete() {
    const one = machine();
    expect(one.data(1, 1, 7)).toEqual(['store', 'finish']);
    return one;
  }

  it('T-40 the last ACK waits until the file is stored', () => {
    const { feed, data } = complete();
    expect(data(500, 1, 7)).toEqual([]);
    expect(feed({ kind: 'timeout', nowMs: 60_000 })).toEqual([]);
    expect(feed({ kind: 'stored', nowMs: 60_001 })).toEqual(['ack 1', 'end done']);
  });

  it('T-39 the last ACK is said again for 6 s', () => {
    const { state, feed, data } = complete();
    feed({ kind: 'stored', nowMs: 10 });
    expect(data(5010, 1, 7)).toEqual(['ack 1']);
    expect(feed({ kind: 'timeout', nowMs: 6010 })).toEqual([]);
    expect(feed({ kind: 'timeout', nowMs: 11_010 })).toEqual(['close']);
    expect(state.phase).toBe('ended');
    expect(data(11_011, 1, 7)).toEqual([]);
  });

  it('T-43 a file that cannot be stored is an ERROR instead of the last ACK', () => {
    const { feed } = complete();
    expect(feed({ kind: 'failure', code: 3, text: 'full' })).toEqual(['error 3', 'end failed', 'close']);
  });

  it.each([
    ['an ERROR', { kind: 'error', code: 0, text: 'enough' }, ['end aborted', 'close']],
    ['a closed port', { kind: 'gone', text: 'closed' }, ['end aborted', 'close']],
    ['a stop of ours', { kind: 'stop', text: 'stopping' }, ['error 0', 'end failed', 'close']],
    ['a full disk', { kind: 'failure', code: 3, text: 'full' }, ['error 3', 'end failed', 'close']],
  ] as const)('%s amid the file', (_name, event, expected) => {
    const { feed, data } = machine();
    data(1, 1);
    expect(feed(event)).toEqual(expected);
    expect(data(2, 2)).toEqual([]);
  });

  it.each([
    { kind: 'error', code: 0, text: 'enough' },
    { kind: 'gone', text: 'closed' },
    { kind: 'stop', text: 'stopping' },
  ] as const)('$kind once everything is here does not keep the file from being stored', (event) => {
    const { feed } = complete();
    expect(feed(event)).toEqual([]);
    expect(feed({ kind: 'stored', nowMs: 10 }).slice(0, 2)).toEqual(['ack 1', 'end done']);
  });

  it('after which nobody is there, or we stop, is over at once', () => {
    for (const event of [
      { kind: 'gone', text: '' },
      { kind: 'stop', text: '' },
    ] as const) {
      const { feed } = complete();
      feed({ kind: 'stored', nowMs: 10 });
      expect(feed(event)).toEqual(['close']);
    }
  });
});

/** What the operator is told of transfers that end the same way again and again. */
import { describe, expect, it } from 'vitest';
import { parseMac } from '../../src/net/mac.ts';
import { createAdvisor } from '../../src/tftp/advice.ts';
import { DEFAULT_CAPS, negotiate } from '../../src/tftp/negotiate.ts';
import type { SendOutcome } from '../../src/tftp/send.ts';

const PI = 'b8:27:eb:01:02:03';

interface Ended {
  readonly outcome: SendOutcome;
  readonly asked?: Record<string, string>;
  readonly blocks?: number;
  readonly answered?: boolean;
  readonly size?: number;
  readonly mac?: string;
  readonly path?: string;
}

function setUp() {
  const advisor = createAdvisor();
  return ({ outcome, asked = {}, blocks = 0, answered = blocks > 0, size = 1000, mac, path = 'linux' }: Ended) => {
    const options = new Map(Object.entries(asked));
    const parsed = mac === undefined ? undefined : parseMac(mac);
    const facts = {
      request: { kind: 'rrq', path, mode: 'octet', options, repeated: [] },
      path,
      requester: { ip: '10.77.0.5', transport: 'tftp', localAddress: '10.77.0.1', ...(parsed && { mac: parsed }) },
      clientPort: 2000,
      ms: 1,
    } as const;
    const progress = () => ({ bytes: 0, blocks, retransmits: 0, progressAtMs: 0, answered });
    const negotiation = negotiate(options, { size }, DEFAULT_CAPS);
    return advisor.observe(outcome, facts, size, { negotiation, progress }).map(({ summary }) => summary);
  };
}

const silent = (answered: boolean): SendOutcome => ({ kind: 'silent', answered });

describe('T-68 after three equal ends', () => {
  it.each<[string, Ended, string]>([
    [
      'options that are never taken are to be disabled',
      { outcome: silent(false), asked: { blksize: '1428', windowsize: '16', tsize: '0' } },
      "linux: it never took our answer to its options; try in tftp.clients: {networks: ['10.77.0.5'], disable: [blksize, windowsize]}",
    ],
    [
      'options that are refused each time, too',
      { outcome: { kind: 'probe', code: 8, text: '' }, asked: { windowsize: '16' }, mac: PI },
      "linux: it never took our answer to its options; try in tftp.clients: {macs: ['b8:27:eb:01:02:03'], disable: [windowsize]}",
    ],
    [
      'a first block that is never acknowledged is to be smaller',
      { outcome: silent(true), asked: { blksize: '8192' }, answered: true },
      "linux: blocks of 8192 bytes do not come through; try in tftp.clients: {networks: ['10.77.0.5'], blksizeMax: 1024}",
    ],
    [
      'a window that breaks is to be one block',
      { outcome: { kind: 'aborted', text: '' }, asked: { windowsize: '16' }, blocks: 40 },
      "linux: it ends in the middle with a window of 16; try in tftp.clients: {networks: ['10.77.0.5'], windowsizeMax: 1}",
    ],
    [
      'a client that counts on with 1 is to be told so',
      { outcome: silent(true), blocks: 65_535 },
      "linux: it ends where block numbers begin anew; try in tftp.clients: {networks: ['10.77.0.5'], rollover: 1}",
    ],
  ])('%s', (_, ended, expected) => {
    const observe = setUp();
    expect([observe(ended), observe(ended), observe(ended), observe(ended)]).toEqual([[], [], [expected], []]);
  });

  it('nothing is said when it worked in between, or ended elsewhere, or for another file', () => {
    const observe = setUp();
    const failing: Ended = { outcome: silent(true), asked: { blksize: '8192' }, answered: true };
    const said = [
      failing,
      failing,
      { ...failing, outcome: { kind: 'done' } },
      failing,
      failing,
      { ...failing, blocks: 5 },
      failing,
      { ...failing, path: 'initrd' },
      failing,
    ] satisfies Ended[];
    expect(said.flatMap(observe)).toEqual([]);
  });

  it('nothing is said where nothing can be set', () => {
    const observe = setUp();
    const failing: Ended = { outcome: silent(false) };
    expect([failing, failing, failing, failing].flatMap(observe)).toEqual([]);
    const probing: Ended = { outcome: { kind: 'probe', code: 0, text: '' }, asked: { tsize: '0' } };
    expect([probing, probing, probing, probing].flatMap(observe)).toEqual([]);
  });
});

describe('T-25 a file of more than 65,535 blocks', () => {
  const large = 65_535 * 512;

  it('is told for a client that cuts it off in silence, however it ended', () => {
    expect(setUp()({ outcome: { kind: 'done' }, size: large, mac: PI })).toEqual([
      'linux: the file needs 65536 blocks of 512 bytes, and block numbers end at 65535: Raspberry Pi cuts it off there in silence; make the file smaller or fetch it by HTTP',
    ]);
  });

  it.each<[string, Ended, number]>([
    ['another client that failed', { outcome: silent(true), size: large, blocks: 65_535 }, 1],
    ['another client that has it', { outcome: { kind: 'done' }, size: large }, 0],
    ['a file of one byte less', { outcome: { kind: 'done' }, size: large - 1, mac: PI }, 0],
    ['larger blocks', { outcome: silent(true), size: large, asked: { blksize: '1428' }, blocks: 9 }, 0],
    ['a client that knows the rollover', { outcome: silent(true), size: large, asked: { rollover: '1' } }, 0],
    ['a probe', { outcome: { kind: 'probe', code: 0, text: '' }, size: large }, 0],
  ])('%s', (_, ended, warnings) => {
    expect(setUp()(ended)).toHaveLength(warnings);
  });
});

import { describe, expect, it } from 'vitest';
import { parseMac } from '../../src/net/mac.ts';
import { eventOfDenial, eventOfTransfer, LOG_LEVELS, type RequestFacts } from '../../src/tftp/report.ts';
import type { SendOutcome } from '../../src/tftp/send.ts';

const mac = parseMac('52:54:00:aa:bb:cc');
const facts: RequestFacts = {
  request: {
    kind: 'rrq',
    path: 'linux\u00ff',
    mode: 'octet',
    options: new Map([
      ['blksize', '1468'],
      ['multicast', ''],
    ]),
    repeated: ['blksize'],
  },
  path: 'linux',
  requester: { ip: '10.77.0.9', transport: 'tftp', localAddress: '10.77.0.1', ...(mac && { mac }) },
  clientPort: 2070,
  ms: 12.6,
};

function eventOf(outcome: SendOutcome, blocks = 3) {
  return eventOfTransfer(
    outcome,
    facts,
    { origin: 'image linux', host: 'web01' },
    {
      negotiation: {
        accepted: new Map([['blksize', '1468']]),
        parameters: { blksize: 1468, windowsize: 1, rollover: 0 },
      },
      progress: () => ({
        bytes: blocks * 1468,
        blocks,
        retransmits: 1,
        roundTripMs: 0.4,
        progressAtMs: 0,
        answered: true,
      }),
    },
  );
}

describe('the event of a transfer', () => {
  it('T-73 T-5 says who got what, from where, by which options, at which cost', () => {
    expect(eventOf({ kind: 'done' })).toEqual({
      kind: 'tftp.done',
      summary: 'linux: 4404 bytes in 13 ms',
      ip: '10.77.0.9',
      mac: '52:54:00:aa:bb:cc',
      host: 'web01',
      path: 'linux',
      bytes: 4404,
      ms: 12.6,
      detail: {
        direction: 'read',
        outcome: 'done',
        localAddress: '10.77.0.1',
        clientPort: 2070,
        mode: 'octet',
        askedPath: 'linux\u00ff',
        origin: 'image linux',
        asked: { blksize: '1468', multicast: '' },
        repeated: ['blksize'],
        granted: { blksize: '1468' },
        blksize: 1468,
        windowsize: 1,
        blocks: 3,
        retransmits: 1,
        roundTripMs: 0.4,
      },
    });
  });

  it.each<[string, SendOutcome, string, string, string]>([
    ['T-73 done', { kind: 'done' }, 'tftp.done', 'info', '4404 bytes'],
    ['T-32 done, the last ACK missing', { kind: 'unconfirmed' }, 'tftp.done', 'info', 'the last ACK did not come'],
    ['T-60 a probe', { kind: 'probe', code: 8, text: 'User aborted' }, 'tftp.probe', 'debug', '("User aborted")'],
    [
      'T-61 enough for the client',
      { kind: 'aborted', code: 0, text: 'Early terminate' },
      'tftp.aborted',
      'info',
      'Early',
    ],
    ['T-73 silence', { kind: 'silent', answered: true }, 'tftp.failed', 'warn', 'fell silent after 4404 bytes'],
    ['T-70 no answer at all', { kind: 'silent', answered: false }, 'tftp.failed', 'warn', 'never answered'],
    ['T-34 a fault of ours', { kind: 'failed', text: 'the disk' }, 'tftp.failed', 'warn', 'linux: the disk'],
  ])('%s has its own kind, level and words', (_, outcome, kind, level, words) => {
    const event = eventOf(outcome);
    expect(event).toMatchObject({ kind, detail: { outcome: outcome.kind } });
    expect(event.summary).toContain(words);
    expect(LOG_LEVELS[event.kind]).toBe(level);
  });

  it.each<[string, SendOutcome]>([
    ['falls silent', { kind: 'silent', answered: true }],
    ['stops', { kind: 'aborted', code: 0, text: '' }],
  ])('T-25 tells of a client that %s where block numbers start again', (_, outcome) => {
    expect(eventOf(outcome, 65_535).summary).toContain('unable to count further');
    expect(eventOf(outcome, 65_534).summary).not.toContain('unable');
    expect(eventOf({ kind: 'done' }, 65_535).summary).not.toContain('unable');
  });

  it.each<['tftp.absent' | 'tftp.refused' | 'tftp.failed', string]>([
    ['tftp.absent', 'debug'],
    ['tftp.refused', 'warn'],
    ['tftp.failed', 'warn'],
  ])('T-62 T-73 of a request that is not served is %s at level %s', (kind, level) => {
    const event = eventOfDenial(kind, 'no route', facts);
    expect(event).toMatchObject({ kind, ip: '10.77.0.9', mac, path: 'linux', summary: 'linux: no route' });
    expect(LOG_LEVELS[kind]).toBe(level);
  });

  it('T-49 quotes a client without what would spoil a line', () => {
    expect(eventOf({ kind: 'aborted', text: 'a\nb\u202e' }).summary).toContain('("a?b?")');
  });
});

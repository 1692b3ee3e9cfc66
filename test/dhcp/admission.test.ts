import { describe, expect, it } from 'vitest';
import {
  BURST,
  createRateLimit,
  createTurnstile,
  DISCOVERS_A_TURN,
  MOST_WAITING,
  PER_SECOND,
} from '../../src/dhcp/admission.ts';
import { createIntake } from '../../src/dhcp/intake.ts';
import type { Packet } from '../../src/dhcp/packet.ts';
import { ipv4, mac, request, START } from '../support/dhcp-world.ts';

describe('one machine that asks without end (D-99)', () => {
  const admitted = (limit: ReturnType<typeof createRateLimit>, count: number, at: number, who = mac(1)) =>
    Array.from({ length: count }, () => limit.admit(who, at)).filter((one) => one === 'heard').length;

  it('is heard a burst, then slowly, and again when it was quiet', () => {
    const limit = createRateLimit();
    expect(admitted(limit, 1000, START)).toBe(BURST);
    expect(admitted(limit, 1000, START + 1000)).toBe(PER_SECOND);
    expect(admitted(limit, 1000, START + 3_600_000)).toBe(BURST);
  });

  it('is told of once a minute', () => {
    const limit = createRateLimit();
    admitted(limit, BURST, START);
    const at = [START, START + 1, START + 2, START + 3];
    expect(at.map((now) => limit.admit(mac(1), now))).toEqual(['refused-news', 'refused', 'refused', 'refused']);
  });

  it('takes nothing from others', () => {
    const limit = createRateLimit();
    admitted(limit, 1000, START);
    expect(limit.admit(mac(2), START)).toBe('heard');
  });

  it('costs bounded memory, whatever addresses are invented', () => {
    const limit = createRateLimit();
    for (let n = 0; n < 100_000; n++) limit.admit(mac(`02000000${(n & 0xffff).toString(16).padStart(4, '0')}`), START);
    expect(limit.admit(mac(2), START)).toBe('heard');
  });
});

describe('what the intake makes of a request (D-99)', () => {
  const setUp = (known: (request: Packet) => boolean = () => false) => {
    const answered: Packet[] = [];
    const told: string[] = [];
    const turns: (() => void)[] = [];
    const take = createIntake<{ request: Packet; datagram: { from: { address: string; port: number } } }>({
      isKnown: known,
      answer: ({ request: packet }) => answered.push(packet),
      keep: (arrival) => arrival,
      soon: (work) => turns.push(work),
      count() {},
      tell: (who) => told.push(who),
    });
    const hear = (packet: Packet, address = '0.0.0.0', port = 68) =>
      take({ request: packet, datagram: { from: { address, port } } }, START);
    return { answered, told, turns, hear };
  };
  const renewal = (who = mac(1)) => request('REQUEST', { mac: who, ciaddr: ipv4('10.77.0.100') });
  const selecting = (n: number) => request('REQUEST', { mac: mac(n), options: { 50: '10.77.0.100', 54: '10.77.0.1' } });

  it('renewals in a machine’s name from elsewhere cost it nothing', () => {
    const { answered, told, hear } = setUp(() => true);
    for (let n = 0; n < 1000; n++) hear(renewal(), '10.77.0.66', 68);
    expect([answered.length, told]).toEqual([BURST, [mac(1)]]);
    hear(renewal(), '10.77.0.100', 68);
    expect(answered).toHaveLength(BURST + 1);
  });

  it.each([
    ['choosing what nobody offered them', selecting],
    ['renewing what they never had', (n: number) => renewal(mac(n))],
    [
      'coming back with an address of nowhere',
      (n: number) => request('REQUEST', { mac: mac(n), options: { 50: '10.9.9.9' } }),
    ],
  ])('many machines %s wait with those who only look, and keep nobody waiting who has an offer', (_, make) => {
    const { answered, turns, hear } = setUp(({ chaddr }) => chaddr[4] === 0 && chaddr[5] === 1);
    for (let n = 2; n < 2000; n++) hear(make(n));
    expect(answered).toHaveLength(DISCOVERS_A_TURN);
    hear(selecting(1));
    hear(renewal());
    expect(answered.slice(DISCOVERS_A_TURN).map(({ chaddr }) => chaddr[5])).toEqual([1, 1]);
    for (let work = turns.shift(); work; work = turns.shift()) work();
    expect(answered).toHaveLength(DISCOVERS_A_TURN + 2 + MOST_WAITING);
  });
});

describe('more DISCOVERs than a turn can take (D-99)', () => {
  it('wait, in order', () => {
    const stile = createTurnstile<number>();
    const kinds = Array.from({ length: DISCOVERS_A_TURN + 2 }, (_, n) => stile.take(n).kind);
    expect(kinds.slice(-3)).toEqual(['now', 'waits', 'waits']);
    expect(stile.turn()).toEqual([DISCOVERS_A_TURN, DISCOVERS_A_TURN + 1]);
    expect(stile.isWaiting()).toBe(false);
  });

  it('behind too many the oldest is dropped, never the newest', () => {
    const stile = createTurnstile<number>();
    const dropped: number[] = [];
    for (let n = 0; n < DISCOVERS_A_TURN + MOST_WAITING + 3; n++) {
      const taken = stile.take(n);
      if (taken.kind === 'waits' && taken.dropped !== undefined) dropped.push(taken.dropped);
    }
    expect(dropped).toEqual([0, 1, 2].map((n) => n + DISCOVERS_A_TURN));
  });

  it('nobody overtakes those who wait', () => {
    const stile = createTurnstile<number>();
    for (let n = 0; n < 3 * DISCOVERS_A_TURN; n++) stile.take(n);
    expect(stile.turn()[0]).toBe(DISCOVERS_A_TURN);
    expect(stile.take(999).kind).toBe('waits');
  });
});

import { describe, expect, it } from 'vitest';
import type { ServedNetwork } from '../../src/boot/served.ts';
import { createAddressProbes, FRESH_MS, MOST_WAITING, type ProbeResult } from '../../src/dhcp/address-probes.ts';
import { createCoexistence, type WireNews } from '../../src/dhcp/coexistence.ts';
import { decode, encode, type Packet } from '../../src/dhcp/packet.ts';
import { ASK_AGAIN_MS, LISTEN_MS } from '../../src/dhcp/wire-guard.ts';
import { networkOf } from '../support/catalogs.ts';
import { ipv4, mac, request, START, serve } from '../support/dhcp-world.ts';

const OTHER = ipv4('10.1.0.9');
const lab = (document: object = {}) =>
  serve(
    networkOf('lab', { subnet: '10.1.0.0/24', mode: 'server', pools: ['10.1.0.10-10.1.0.20'], ...document }),
    ipv4('10.1.0.1'),
  );
const answer = (fields: object = {}, message = 'OFFER', server = OTHER): Packet => ({
  ...request(message, { options: { 54: server } }),
  op: 2,
  ...fields,
});

/** A wire as lists: what was asked on it, and what is heard on it next. */
function setUp(served: readonly ServedNetwork[], options: { owned?: boolean; deaf?: boolean } = {}) {
  const asked: Packet[] = [];
  const heard: Packet[] = [];
  const news: WireNews[] = [];
  let xid = 100;
  const wires = createCoexistence({
    wireOf: () =>
      options.deaf
        ? undefined
        : {
            mac: mac(99),
            replies: () => heard.splice(0).map((packet) => ({ bytes: encode(packet).bytes, from: OTHER })),
          },
    broadcast: (_, bytes) => asked.push(decode(bytes)) > 0,
    isOwned: () => options.owned ?? false,
    tell: (one) => news.push(one),
    drawXid: () => xid++,
  });
  wires.setNetworks(served, START);
  const until = (ms: number) => {
    for (let at = 0; at <= ms; at += 250) wires.tick(START + at);
  };
  return { wires, asked, heard, news, until };
}

describe('a new pool (D-33)', () => {
  it('is opened when nobody answers two questions of ours', () => {
    const { wires, asked, news, until } = setUp([lab()]);
    expect(wires.holdOf('lab')).toContain('for 4 s it is heard whether another DHCP server answers there');
    until(LISTEN_MS);
    expect(asked.map(({ flags, giaddr }) => [flags, giaddr])).toEqual([
      [0x8000, '0.0.0.0'],
      [0x8000, '0.0.0.0'],
    ]);
    expect([wires.holdOf('lab'), wires.isSettled()]).toEqual([undefined, true]);
    expect(news).toEqual([
      { kind: 'asking', network: 'lab' },
      { kind: 'clear', network: 'lab' },
    ]);
  });

  it('is held back while another server answers, and opened when that one is gone', () => {
    const { wires, asked, heard, news, until } = setUp([lab()]);
    heard.push(answer());
    until(LISTEN_MS);
    expect(wires.holdOf('lab')).toMatch(/^DHCP server 10\.1\.0\.9 answers on this wire/);
    expect(news.map(({ kind }) => kind)).toEqual(['asking', 'server', 'held']);
    const before = asked.length;
    until(ASK_AGAIN_MS + LISTEN_MS + 250);
    expect(asked.length).toBeGreaterThan(before);
    expect(wires.holdOf('lab')).toBeUndefined();
  });

  it('is held back again by the next answer to the next question', () => {
    const { wires, heard, until } = setUp([lab()]);
    heard.push(answer());
    until(ASK_AGAIN_MS);
    heard.push(answer());
    wires.tick(START + ASK_AGAIN_MS + 1000);
    wires.tick(START + ASK_AGAIN_MS + LISTEN_MS + 500);
    expect(wires.holdOf('lab')).toBeDefined();
  });

  it('asks as a relay where the wire cannot be heard, and takes the answer on port 67', () => {
    const { wires, asked, until } = setUp([lab()], { deaf: true });
    until(0);
    expect(asked[0]).toMatchObject({ giaddr: '10.1.0.1', flags: 0 });
    wires.hear('eth0', answer(), OTHER, START + 100);
    expect(wires.holdOf('lab')).toContain('10.1.0.9');
  });

  it.each([
    ['the operator says that both are meant', { shareWire: true }, false],
    ['machines hold its leases already', {}, true],
    ['only reservations are given', { pools: [] }, false],
    ['it is a responder', { mode: 'responder', pools: [] }, false],
    ['it is a proxy', { mode: 'proxy', pools: [] }, false],
  ])('is not asked about when %s', (_, document, owned) => {
    const { wires, asked, until } = setUp([lab(document)], { owned });
    until(LISTEN_MS);
    expect([wires.holdOf('lab'), asked]).toEqual([undefined, []]);
  });

  it('of an isolated wire is asked about although leases are held: a laptop may have moved', () => {
    const { wires } = setUp([lab({ isolated: true })], { owned: true });
    expect(wires.holdOf('lab')).toBeDefined();
  });

  it('knows its own questions when the kernel loops them back', () => {
    const { wires, asked, until } = setUp([lab()]);
    until(0);
    expect(asked.map((packet) => wires.isOwnQuestion(packet))).toEqual([true]);
    expect(wires.isOwnQuestion(request('DISCOVER'))).toBe(false);
  });
});

describe('an open network', () => {
  it.each([
    [{}, true],
    [{ isolated: true }, false],
  ])('%j with another server turning up goes on: %s', (document, goesOn) => {
    const { wires, heard, until } = setUp([lab(document)]);
    until(LISTEN_MS);
    heard.push(answer());
    until(LISTEN_MS + 250);
    expect(wires.holdOf('lab') === undefined).toBe(goesOn);
  });

  it.each(['OFFER', 'ACK', 'NAK'])('a foreign %s is an alarm, once', (message) => {
    const { wires, heard, news, until } = setUp([lab()], { owned: true });
    heard.push(answer({}, message), answer({}, message));
    until(0);
    expect(wires.seen(START)).toMatchObject([
      { server: OTHER, network: 'lab', message, answers: 2, problem: { what: expect.stringContaining('10.1.0.9') } },
    ]);
    expect(news).toHaveLength(1);
  });

  it('with shareWire has no alarm, and the other server is still seen', () => {
    const { wires, heard, until } = setUp([lab({ shareWire: true })]);
    heard.push(answer());
    until(0);
    expect(wires.seen(START)).toHaveLength(1);
    expect(wires.seen(START)[0]?.problem).toBeUndefined();
  });

  it('as a proxy wants another server, but none that names a boot file', () => {
    const { wires, heard, until } = setUp([lab({ mode: 'proxy', pools: [] })]);
    heard.push(answer());
    until(0);
    expect(wires.seen(START)[0]?.problem).toBeUndefined();
    heard.push(answer({ siaddr: OTHER, file: 'pxelinux.0' }));
    until(0);
    expect(wires.seen(START)[0]?.problem?.what).toContain('to 10.1.0.9 for "pxelinux.0"');
  });

  it.each([
    ['our own', answer({}, 'OFFER', ipv4('10.1.0.1'))],
    ['a request, whoever it names', request('REQUEST', { options: { 54: OTHER } })],
  ])('an answer that is %s alarms nobody', (_, packet) => {
    const { wires } = setUp([lab()], { owned: true });
    wires.hear('eth0', packet, ipv4('10.1.0.1'), START);
    expect(wires.seen(START)).toEqual([]);
  });

  it('forgets a server after an hour of silence, and never keeps more than a few hundred', () => {
    const { wires } = setUp([lab()], { owned: true });
    for (let n = 0; n < 1000; n++) {
      const forged = ipv4(`192.168.${n >> 8}.${n & 255}`);
      wires.hear('eth0', answer({}, 'OFFER', forged), forged, START);
    }
    expect(wires.seen(START).length).toBeLessThanOrEqual(256);
    expect(wires.seen(START + 3_600_001)).toEqual([]);
  });
});

describe('asking for the owner of an address (D-27)', () => {
  const question = (address = '10.1.0.10', who = 1) => ({
    interface: 'eth0',
    address: ipv4(address),
    mac: mac(who),
    waitMs: 200,
  });
  const ask = (probes: ReturnType<typeof createAddressProbes>, ...parts: Parameters<typeof question>) => {
    const results: ProbeResult[] = [];
    const { isNew } = probes.ask(question(...parts), START, (result) => results.push(result));
    return { results, isNew };
  };

  it('ends with silence after its time', () => {
    const probes = createAddressProbes();
    const { results } = ask(probes);
    probes.tick(START + 199);
    expect(results).toEqual([]);
    probes.tick(START + 200);
    expect(results).toEqual([{ kind: 'silent' }]);
    expect(probes.isWaiting()).toBe(false);
  });

  it('ends at once when somebody has it', () => {
    const probes = createAddressProbes();
    const { results } = ask(probes);
    probes.heard('eth1', ipv4('10.1.0.10'), mac(7));
    expect(results).toEqual([]);
    probes.heard('eth0', ipv4('10.1.0.10'), mac(7));
    expect(results).toEqual([{ kind: 'taken', by: mac(7) }]);
  });

  it('is not troubled by the client itself', () => {
    const probes = createAddressProbes();
    const { results } = ask(probes);
    probes.heard('eth0', ipv4('10.1.0.10'), mac(1));
    probes.tick(START + 200);
    expect(results).toEqual([{ kind: 'silent' }]);
  });

  it('is asked once for a client that repeats itself, and not again for a minute', () => {
    const probes = createAddressProbes();
    const [first, second] = [ask(probes), ask(probes)];
    probes.tick(START + 200);
    expect([first, second]).toEqual([
      { isNew: true, results: [{ kind: 'silent' }] },
      { isNew: false, results: [{ kind: 'silent' }] },
    ]);
    expect(ask(probes).isNew).toBe(false);
    const later: ProbeResult[] = [];
    expect(probes.ask(question(), START + 200 + FRESH_MS, (one) => later.push(one)).isNew).toBe(true);
  });

  it('makes no crowd wait', () => {
    const probes = createAddressProbes();
    for (let n = 0; n < MOST_WAITING; n++) ask(probes, `10.1.1.${n}`, n);
    expect(ask(probes, '10.1.2.1', 200)).toEqual({ isNew: false, results: [{ kind: 'silent' }] });
  });
});

/** Leasequery, RFC 4388: queries as a relay sends them, byte by byte, and what it learns (D-49). */
import { describe, expect, test } from 'vitest';
import { explainPacket } from '../../src/dhcp/explain.ts';
import { type LeasequeryOutcome, respondToLeasequery } from '../../src/dhcp/leasequery.ts';
import { formatOption } from '../../src/dhcp/options.ts';
import { decode, type Packet } from '../../src/dhcp/packet.ts';
import { summarizePacket } from '../../src/dhcp/summary.ts';
import { bytes, ipv4, mac, makeWorld, request, SERVER, START, type WorldOptions } from '../support/dhcp-world.ts';

const RELAY = ipv4('10.77.0.254');
const HOUR = 3_600_000;

/** A LEASEQUERY from 10.77.0.254 with no list of options: fields as RFC 4388 §6.2 wants them, written out. */
function query(parts: {
  ciaddr?: string;
  htype?: string;
  hlen?: string;
  chaddr?: string;
  giaddr?: string;
  options?: string;
}): Packet {
  const { ciaddr = '00000000', htype = '00', hlen = '00', chaddr = '', giaddr = '0a4d00fe', options = '' } = parts;
  const header = `01${htype}${hlen}01 4388beef 0000 0000 ${ciaddr} 00000000 00000000 ${giaddr}`;
  const fields = `${chaddr.padEnd(32, '0')} ${'00'.repeat(64)} ${'00'.repeat(128)}`;
  return decode(bytes(`${header} ${fields} 63825363 35010a ${options} ff`));
}

const BY_ADDRESS = query({ ciaddr: '0a4d0064' });
const BY_MAC = query({ htype: '01', hlen: '06', chaddr: '525400770001' });
const BY_CLIENT_ID = query({ options: '3d0701525400770001' });
const FREE = query({ ciaddr: '0a4d0065' });

function setUp(options: WorldOptions = {}) {
  const world = makeWorld({ ...options, network: { leasequery: [RELAY], ...options.network } });
  const clientId = bytes('01525400770001');
  const take = (n: number) => {
    const { yiaddr } = world.reply(request('DISCOVER', { mac: mac(n), options: { 61: clientId } })).packet;
    world.reply(request('REQUEST', { mac: mac(n), options: { 50: yiaddr, 54: SERVER, 61: clientId } }));
    return yiaddr;
  };
  const ask = (packet: Packet) => respondToLeasequery(packet, [world], SERVER, world.now);
  return { world, take, ask };
}

function answered(outcome: LeasequeryOutcome) {
  if (outcome.kind !== 'reply') throw new Error(outcome.reason);
  const { packet, message } = outcome;
  const said = (code: number) => {
    const value = packet.options.get(code);
    return value && formatOption(code, value);
  };
  return { packet, message, said };
}

describe('D-49: a relay that is listed', () => {
  test.each([
    ['address', BY_ADDRESS],
    ['hardware address', BY_MAC],
    ['client identifier', BY_CLIENT_ID],
  ])('learns by %s who holds what, for how long, and when it was heard', (_, packet) => {
    const { world, take, ask } = setUp();
    expect(take(1)).toBe('10.77.0.100');
    world.now += 600_000;
    const { message, packet: reply, said } = answered(ask(packet));
    expect(message).toBe('LEASEACTIVE');
    expect(reply).toMatchObject({
      op: 2,
      xid: 0x4388beef,
      htype: 1,
      hlen: 6,
      ciaddr: '10.77.0.100',
      yiaddr: '0.0.0.0',
      giaddr: RELAY,
    });
    expect(reply.chaddr).toEqual(bytes('52540077000100000000000000000000'));
    expect([said(53), said(54), said(61)]).toEqual([
      'LEASEACTIVE',
      SERVER,
      expect.stringContaining('52:54:00:77:00:01'),
    ]);
    expect([51, 58, 59, 91].map((code) => reply.options.get(code))).toEqual(
      [3000, 1200, 2550, 600].map((seconds) => bytes(seconds.toString(16).padStart(8, '0'))),
    );
    expect(reply.options.has(92)).toBe(false);
  });

  test('is told what it lists, no time that is over, and the settings of the network it asks for', () => {
    const { world, take, ask } = setUp();
    take(1);
    world.now += 0.9 * HOUR;
    const { packet } = answered(ask(query({ ciaddr: '0a4d0064', options: '3705 01 03 33 3a 3b' })));
    expect([...packet.options.keys()].sort((a, b) => a - b)).toEqual([1, 3, 51, 53, 54, 61]);
  });

  test('hears of a renewal: the client was heard then', () => {
    const { world, take, ask } = setUp();
    const address = take(1);
    world.now += HOUR / 2;
    world.reply(request('REQUEST', { ciaddr: address, options: { 61: bytes('01525400770001') } }));
    world.now += 5000;
    expect(answered(ask(BY_MAC)).packet.options.get(91)).toEqual(bytes('00000005'));
  });

  test.each([
    ['nobody had', (_: ReturnType<typeof setUp>) => FREE],
    [
      'whose lease is over',
      ({ world, take }: ReturnType<typeof setUp>) => {
        take(1);
        world.now += HOUR;
        return BY_ADDRESS;
      },
    ],
    [
      'that was given back',
      ({ world, take }: ReturnType<typeof setUp>) => {
        const address = take(1);
        world.ask(request('RELEASE', { ciaddr: address, options: { 54: SERVER, 61: bytes('01525400770001') } }));
        return BY_ADDRESS;
      },
    ],
    [
      'that is offered only',
      ({ world }: ReturnType<typeof setUp>) => {
        world.reply(request('DISCOVER'));
        return BY_ADDRESS;
      },
    ],
  ])('learns that an address %s is unassigned', (_, prepare) => {
    const state = setUp();
    const packet = prepare(state);
    const { message, packet: reply } = answered(state.ask(packet));
    expect([message, reply.ciaddr, reply.hlen]).toEqual(['LEASEUNASSIGNED', packet.ciaddr, 0]);
    expect([...reply.options.keys()]).toEqual([53, 54]);
  });

  test.each([
    ['an address of elsewhere', query({ ciaddr: '0a000001' })],
    ['a machine that has nothing', query({ htype: '01', hlen: '06', chaddr: '525400770009' })],
    ['an identifier that has nothing', query({ options: '3d03aabbcc' })],
  ])('learns that %s is unknown', (_, packet) => {
    const { take, ask } = setUp();
    take(1);
    expect(answered(ask(packet)).message).toBe('LEASEUNKNOWN');
  });

  test('learns every address of a machine in several networks, the latest first', () => {
    const here = setUp();
    const there = setUp({
      network: { subnet: '10.78.0.0/24', pools: ['10.78.0.100-10.78.0.110'], router: '10.78.0.254' },
    });
    here.take(1);
    there.world.now += 1000;
    const address = there.world.book.offer({ mac: mac(1) }, undefined, there.world.now)?.address ?? ipv4('0.0.0.0');
    there.world.book.bind({ mac: mac(1) }, address, 3600, there.world.now);
    const outcome = respondToLeasequery(BY_MAC, [here.world, there.world], SERVER, START + 2000);
    const { packet, said } = answered(outcome);
    expect([packet.ciaddr, said(92)]).toEqual(['10.78.0.100', '10.78.0.100, 10.77.0.100']);
  });

  test('by client identifier, where that tells clients apart, is answered with the card it came by', () => {
    const { take, ask } = setUp({ network: { identity: 'client-id' } });
    take(1);
    take(2);
    const { packet } = answered(ask(BY_CLIENT_ID));
    expect([packet.ciaddr, packet.chaddr[5]]).toEqual(['10.77.0.100', 2]);
  });
});

describe('D-49: nobody else', () => {
  const closed = setUp({ network: { leasequery: [] } });
  const open = setUp();
  open.take(1);
  test.each([
    ['where no relay is listed', closed, BY_ADDRESS, 'no network has 10.77.0.254 under "leasequery"'],
    [
      'a relay that is not listed',
      open,
      query({ ciaddr: '0a4d0064', giaddr: '0a4d00fd' }),
      'no network has 10.77.0.253',
    ],
    ['who is no relay', open, query({ ciaddr: '0a4d0064', giaddr: '00000000' }), 'only relays may ask'],
    ['who asks by nothing', open, query({}), 'it needs ciaddr'],
    ['who asks by two things', open, query({ ciaddr: '0a4d0064', options: '3d03aabbcc' }), 'only one may be given'],
    [
      'in a network that only proxies',
      setUp({ network: { mode: 'proxy', pools: [] } }),
      BY_ADDRESS,
      'network "lab" gives no addresses: it is in mode proxy',
    ],
    [
      'in a network that only watches',
      setUp({ network: { mode: 'observe', pools: [] } }),
      BY_MAC,
      'network "lab" gives no addresses: it is in mode observe',
    ],
    ['who sends an answer', open, { ...BY_ADDRESS, op: 2 }, 'only relays may ask'],
  ])('is told anything: %s', (_, { ask }, packet, reason) => {
    expect(ask(packet)).toEqual({ kind: 'ignore', reason: expect.stringContaining(reason) });
  });
});

test('D-49: while a network is held back nobody hears that its addresses are free: another server may have given them', () => {
  const { world } = setUp();
  const held = { ...world, hold: 'another server answers here' };
  expect(respondToLeasequery(BY_ADDRESS, [held], SERVER, START)).toEqual({
    kind: 'ignore',
    reason: 'another server answers here',
  });
});

test('D-49: explain and decode call the messages and options by their names', () => {
  const { world, take } = setUp();
  take(1);
  expect(summarizePacket(BY_ADDRESS)).toMatch(/^LEASEQUERY .*ciaddr 10\.77\.0\.100.*relay 10\.77\.0\.254/);
  const { reason, reply } = explainPacket(BY_ADDRESS, { ...world, now: world.now });
  expect(reason).toBe(`10.77.0.100 is held by ${mac(1)}`);
  expect(reply?.target).toEqual({ kind: 'address', address: RELAY, port: 67 });
  expect(reply?.lines.join('\n')).toMatch(/LEASEACTIVE[\s\S]*91 client-last-transaction-time: 0/);
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planAddresses } from '../../src/dhcp/address-plan.ts';
import { createAddressBook } from '../../src/dhcp/lease.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import { bytes, mac, makeWorld, request, SERVER } from '../support/dhcp-world.ts';

const ROM = '01525400770001';
const SYSTEM = 'ff00112233000100012a2b2c2d525400770001';
const withId = (message: string, id: string | undefined, more: object = {}) =>
  request(message, { options: { ...(id !== undefined && { 61: bytes(id) }), ...more } });

/** DISCOVER and REQUEST; the address that was acknowledged. */
function bind(world: ReturnType<typeof makeWorld>, id: string | undefined): Ipv4 {
  const { packet } = world.reply(withId('DISCOVER', id));
  return world.reply(withId('REQUEST', id, { 50: packet.yiaddr, 54: SERVER })).packet.yiaddr;
}

describe('by client identifier (D-19)', () => {
  const world = () => makeWorld({ network: { identity: 'client-id' } });

  it('two systems on one card have two addresses, each its own', () => {
    const lab = world();
    const [rom, system] = [bind(lab, ROM), bind(lab, SYSTEM)];
    expect(rom).not.toBe(system);
    expect([bind(lab, ROM), bind(lab, SYSTEM)]).toEqual([rom, system]);
  });

  it('who sends none is known by its MAC', () => {
    const lab = world();
    expect(bind(lab, undefined)).toBe(bind(lab, undefined));
  });

  it('a renewal of one does not renew, release or take the other', () => {
    const lab = world();
    const [rom, system] = [bind(lab, ROM), bind(lab, SYSTEM)];
    const renewal = request('REQUEST', { ciaddr: rom, options: { 61: bytes(SYSTEM) } });
    expect(lab.reply(renewal).message).toBe('NAK');
    lab.ask(request('RELEASE', { ciaddr: system, options: { 61: bytes(SYSTEM) } }));
    expect(lab.book.recorded({ mac: mac(1), clientId: ROM })).toMatchObject({ address: rom, state: 'bound' });
  });

  it('D-21: a machine that changed its identifier has its idle address again, with a note', () => {
    const lab = world();
    const before = bind(lab, ROM);
    lab.ask(request('RELEASE', { ciaddr: before, options: { 61: bytes(ROM) } }));
    const offer = lab.reply(withId('DISCOVER', SYSTEM));
    expect(offer.packet.yiaddr).toBe(before);
    expect(offer.notes).toContain(`the same machine had ${before} under another client identifier`);
  });

  it('the leases are found again after a restart', () => {
    const lab = world();
    const [rom, system] = [bind(lab, ROM), bind(lab, SYSTEM)];
    const again = createAddressBook('lab', planAddresses(lab.served, lab.catalog), lab.book.leases());
    expect(again.recorded({ mac: mac(1), clientId: ROM })?.address).toBe(rom);
    expect(again.recorded({ mac: mac(1), clientId: SYSTEM })?.address).toBe(system);
  });

  it('a changed setting is taken at once', () => {
    const lab = world();
    bind(lab, ROM);
    const system = bind(lab, SYSTEM);
    lab.book.setPlan({ ...planAddresses(lab.served, lab.catalog), identity: 'mac' });
    expect(lab.book.recorded({ mac: mac(1), clientId: 'ab' })?.address).toBe(system);
  });
});

describe('by MAC (D-20)', () => {
  it('ROM and system of one machine share their address', () => {
    const lab = makeWorld();
    expect(bind(lab, ROM)).toBe(bind(lab, SYSTEM));
  });
});

it.each(['mac', 'client-id'] as const)('no two clients by %s ever hold one address', (identity) => {
  const step = fc.record({
    who: fc.integer({ min: 1, max: 4 }),
    id: fc.constantFrom(undefined, ROM, SYSTEM, '00aa'),
    wait: fc.constantFrom(0, 1000, 400_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const lab = makeWorld({ network: { identity, pools: ['10.77.0.100-10.77.0.103'] } });
      const held = new Map<string, { address: Ipv4; until: number }>();
      for (const { who, id, wait } of steps) {
        lab.now += wait;
        const options = id === undefined ? {} : { 61: bytes(id) };
        const offer = lab.ask(request('DISCOVER', { mac: mac(who), options }));
        if (offer.kind !== 'reply') continue;
        const chosen = { ...options, 50: offer.packet.yiaddr, 54: SERVER };
        const ack = lab.ask(request('REQUEST', { mac: mac(who), options: chosen }));
        if (ack.kind !== 'reply' || ack.message !== 'ACK') continue;
        const key = identity === 'client-id' && id !== undefined ? id : mac(who);
        held.set(key, { address: ack.packet.yiaddr, until: ack.leases[0]?.expiresAt ?? 0 });
        const live = [...held.values()].filter(({ until }) => until > lab.now).map(({ address }) => address);
        expect(new Set(live).size).toBe(live.length);
      }
    }),
    { numRuns: 150 },
  );
});

describe('rapid commit (D-39)', () => {
  const asked = (more: object = {}) => request('DISCOVER', { options: { 80: new Uint8Array() }, ...more });

  it('gives the lease with the first answer, to be stored before it leaves', () => {
    const lab = makeWorld({ network: { rapidCommit: true } });
    const outcome = lab.reply(asked());
    expect(outcome).toMatchObject({ message: 'ACK', leases: [{ address: '10.77.0.100', state: 'bound' }] });
    expect(outcome.packet.options.get(80)).toEqual(new Uint8Array());
    expect(outcome.packet.options.has(51)).toBe(true);
  });

  it.each([
    ['the network does not allow it', false, asked()],
    ['the client does not ask for it', true, request('DISCOVER')],
  ])('is an offer when %s', (_, rapidCommit, packet) => {
    const outcome = makeWorld({ network: { rapidCommit } }).reply(packet);
    expect([outcome.message, outcome.leases, outcome.packet.options.has(80)]).toEqual(['OFFER', [], false]);
  });

  it('waits until the address was asked about on the wire', () => {
    const lab = makeWorld({ network: { rapidCommit: true } });
    const first = lab.reply(asked(), { proof: { address: undefined } });
    expect(first).toMatchObject({ message: 'OFFER', unproven: '10.77.0.100', leases: [] });
    expect(lab.reply(asked(), { proof: { address: first.packet.yiaddr } }).message).toBe('ACK');
  });
});

/** What holds for every answer, whatever is asked: requests are put together at random from what clients and attackers send. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseDestination } from '../../src/dhcp/destination.ts';
import { readClient } from '../../src/dhcp/facts.ts';
import { formatOption, readOption } from '../../src/dhcp/options.ts';
import { decode, encode, type Packet } from '../../src/dhcp/packet.ts';
import { encodeReply } from '../../src/dhcp/reply.ts';
import { eventOf } from '../../src/dhcp/report.ts';
import { text } from '../../src/dhcp/shape.ts';
import { ipv4FromNumber } from '../../src/net/ipv4.ts';
import { CLIENTS, mac, makeWorld, request, type World } from '../support/dhcp-world.ts';

const near = fc.integer({ min: 0, max: 255 }).map((last) => ipv4FromNumber(0x0a4d0000 + last));
const address = fc.oneof(fc.constant(ipv4FromNumber(0)), near, fc.nat(0xffffffff).map(ipv4FromNumber));
const noise = fc.uint8Array({ maxLength: 300 });
const CODES = [12, 43, 50, 51, 54, 55, 57, 60, 61, 66, 67, 77, 82, 93, 94, 97, 118, 175];

const asked = fc
  .record({
    kind: fc.constantFrom(...Object.values(CLIENTS)),
    message: fc.constantFrom(undefined, 'DISCOVER', 'REQUEST', 'DECLINE', 'RELEASE', 'INFORM'),
    who: fc.integer({ min: 1, max: 6 }),
    ciaddr: address,
    giaddr: address,
    wish: fc.option(address, { nil: undefined }),
    server: fc.option(address, { nil: undefined }),
    hlen: fc.constantFrom(6, 6, 6, 0, 16),
    flags: fc.constantFrom(0, 0x8000),
    strange: fc.uniqueArray(fc.tuple(fc.constantFrom(...CODES), noise), { maxLength: 3, selector: ([code]) => code }),
  })
  .map(({ kind, message, who, wish, server, strange, ...header }): Packet => {
    const said = { ...(wish && { 50: wish }), ...(server && { 54: server }) };
    const options = { ...kind, ...said, ...Object.fromEntries(strange) };
    // As it comes from the wire.
    return decode(encode(request(message, { mac: mac(who), ...header, options }), { maxPayload: 1472 }).bytes);
  });

const HOSTS = {
  wiped: { macs: [mac(1)], profile: 'install', localBoot: 'exit' },
  shut: { macs: [mac(2)], policy: 'blocked' },
  live: { macs: [mac(3)], profile: 'live', address: '10.77.0.20' },
};
const PROFILES = {
  install: { kind: 'install', kernel: 'wipe', options: { 224: 'wipe' } },
  live: { kind: 'live', kernel: 'linux' },
};

/** Asks one after another and hands every answer over, after the way to the wire was gone. */
function answers(world: World, requests: readonly Packet[], localPort: number, look: (q: Packet, a: Packet) => void) {
  for (const one of requests) {
    world.now += 1000;
    const outcome = world.ask(one, { localPort });
    eventOf(outcome, one, world.served, { at: world.now, ms: 0 });
    if (outcome.kind !== 'reply') continue;
    const { bytes } = encodeReply(one, outcome.packet);
    expect(bytes.length).toBeGreaterThanOrEqual(300);
    expect(bytes.length).toBeLessThanOrEqual(1472);
    chooseDestination(one, outcome.packet, { address: one.ciaddr, port: 68 }, localPort);
    look(one, decode(bytes));
  }
}

function checkBootFields(question: Packet, answer: Packet): void {
  const reading = readClient(question);
  if (reading.kind === 'none') throw new Error('nobody was answered');
  const { kind, mac: who } = reading.client;
  const file = readOption(answer, 67, text) ?? answer.file;
  const isUrl = file.includes('://');
  if (file !== '' && kind === 'pxe') expect(isUrl).toBe(false);
  if (file !== '' && kind === 'http') expect(file).toMatch(/^http:/);
  if (kind === 'ipxe') expect(file).toMatch(/^$|\.ipxe$/);
  if (file !== '' && kind !== 'other') expect(answer.siaddr).not.toBe('0.0.0.0');
  if (who === mac(2)) expect([file, answer.siaddr]).toEqual(['', '0.0.0.0']);
  expect(answer.options.has(224)).toBe(false);
}

describe('whatever is asked', () => {
  it('a server answers by the rules of each firmware, and within sizes', () => {
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 12 }), fc.boolean(), (requests, authoritative) => {
        const world = makeWorld({ hosts: HOSTS, profiles: PROFILES, network: { authoritative } });
        answers(world, requests, 67, checkBootFields);
      }),
      { numRuns: 300 },
    );
  });

  it('a proxy gives no address, no times and no NAK, and answers boot clients only', () => {
    fc.assert(
      fc.property(fc.array(asked, { maxLength: 8 }), fc.constantFrom(67, 4011), (requests, port) => {
        const world = makeWorld({ hosts: HOSTS, profiles: PROFILES, network: { mode: 'proxy', pools: [] } });
        answers(world, requests, port, (question, answer) => {
          checkBootFields(question, answer);
          expect(answer.yiaddr).toBe('0.0.0.0');
          expect([1, 3, 51, 58, 59, 175].filter((code) => answer.options.has(code))).toEqual([]);
          expect(formatOption(53, answer.options.get(53) ?? new Uint8Array())).toBe(port === 67 ? 'OFFER' : 'ACK');
          const reading = readClient(question);
          expect(reading.kind === 'client' && reading.client.kind).not.toBe('other');
        });
      }),
      { numRuns: 300 },
    );
  });
});

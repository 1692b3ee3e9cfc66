import { describe, expect, it } from 'vitest';
import { quirkSchema } from '../../src/boot/quirk.ts';
import { chooseDestination } from '../../src/dhcp/destination.ts';
import { createStrategyBook, firmwareKey } from '../../src/dhcp/strategy.ts';
import { bytes, CLIENTS, ipv4, mac, makeWorld, type RequestFields, request, START } from '../support/dhcp-world.ts';

const NETWORK = { unknown: 'menu' };
const withQuirk = (actions: object, more: object = {}) =>
  makeWorld({ network: { ...NETWORK, ...more }, quirks: { odd: { match: { macs: ['52:54:00'] }, actions } } });
const uefi = (fields: RequestFields = {}) => request('DISCOVER', { options: CLIENTS['UEFI x64'], ...fields });
const PROXY = { mode: 'proxy', pools: [] };

describe('quirks', () => {
  it.each([
    [{ nul66: true }, 66, true],
    [{ nul66: false }, 66, false],
    [{ nul67: true }, 67, true],
    [{ nul67: false }, 67, false],
  ])('%j: option %i ends with NUL: %s (D-58, D-82b)', (actions, code, ends) => {
    const { packet } = withQuirk(actions).reply(uefi());
    expect(packet.options.get(code)?.at(-1) === 0).toBe(ends);
  });

  it('D-22: the client identifier is not repeated to clients that take no answer with it', () => {
    const asked = uefi({ options: { ...CLIENTS['UEFI x64'], 61: bytes('01525400770001') } });
    expect(withQuirk({ echoClientId: false }).reply(asked).packet.options.has(61)).toBe(false);
    expect(makeWorld({ network: NETWORK }).reply(asked).packet.options.has(61)).toBe(true);
  });

  it('options are left out, and the answer says so', () => {
    const { packet, notes } = withQuirk({ omit: [66, 3] }).reply(uefi());
    expect([packet.options.has(66), packet.options.has(3), packet.options.has(67)]).toEqual([false, false, true]);
    expect(notes).toContain('option 66 is left out: by a quirk');
  });

  it('the boot file stands in the header only, or in the options only (D-57)', () => {
    const header = withQuirk({ bootFields: 'header' }).reply(uefi()).packet;
    expect([header.file, header.options.has(67)]).toEqual(['ipxe/snponly.efi', false]);
    const options = withQuirk({ bootFields: 'options' }).reply(uefi()).packet;
    expect([options.file, options.options.has(67)]).toEqual(['', true]);
  });

  it('an answer is broadcast whatever the flag says', () => {
    const asked = uefi();
    const { packet } = withQuirk({ broadcast: true }).reply(asked);
    const source = { address: ipv4('0.0.0.0'), port: 68 };
    expect(chooseDestination(asked, packet, source, 67)).toEqual({ kind: 'broadcast', port: 68 });
  });

  it('D-74: an answer is kept back', () => {
    expect(withQuirk({ delayMs: 250 }).reply(uefi()).delayMs).toBe(250);
    expect(makeWorld({ network: NETWORK }).reply(uefi()).delayMs).toBeUndefined();
  });

  it('D-79: a loader for a class of clients, unless their host has one of its own', () => {
    const quirks = { grub: { match: { classes: ['PXEClient:Arch:00007*'] }, actions: { loader: 'grub' } } };
    const lab = makeWorld({
      network: NETWORK,
      quirks,
      hosts: { web: { macs: [mac(2)], loader: 'ipxe', profile: 'm' } },
      profiles: { m: { kind: 'menu' } },
    });
    expect(lab.reply(uefi()).packet.file).toBe('grub/grubnetx64.efi');
    expect(lab.reply(uefi({ mac: mac(2) })).packet.file).toBe('ipxe/snponly.efi');
  });

  it('a machine is not answered at all', () => {
    expect(withQuirk({ ignore: true }).ask(uefi())).toMatchObject({
      kind: 'ignore',
      reason: 'a quirk says that it is not answered',
    });
  });

  it('of several that hold the higher priority has the last word, and the rules name them', () => {
    const quirks = {
      low: { match: { macs: ['52:54:00'] }, actions: { delayMs: 10, nul66: true } },
      high: { priority: 5, match: { archs: [7] }, actions: { delayMs: 20 } },
      other: { priority: 9, match: { archs: [0] }, actions: { delayMs: 30 } },
    };
    const outcome = makeWorld({ network: NETWORK, quirks }).reply(uefi());
    expect([outcome.delayMs, outcome.packet.options.get(66)?.at(-1)]).toEqual([20, 0]);
    expect(outcome.decision?.rules).toContainEqual({
      rule: 'quirks',
      matched: true,
      because: '"low", "high": delayMs 20, nul66 true',
    });
  });

  it.each([
    [{ match: {}, actions: { nul66: true } }, 'selects nothing'],
    [{ match: { archs: [7] }, actions: {} }, 'does nothing'],
    [{ match: { archs: [7] }, actions: { omit: [53] } }, 'no answer works without'],
    [{ match: { labels: { rack: 'r1' } }, actions: { ignore: true } }, 'a quirk is of firmware'],
    [{ match: { archs: [7] }, actions: { delayMs: 60_000 } }, '5000'],
  ])('%j is refused', (document, message) => {
    const read = quirkSchema.safeParse(document);
    expect(read.success ? '' : JSON.stringify(read.error.issues)).toContain(message);
  });
});

describe('how a proxy gives the file, learnt (D-66)', () => {
  const { client: uefiClient } = makeWorld({ network: { ...NETWORK, ...PROXY } }).reply(uefi());
  const { client: bios } = makeWorld({ network: { ...NETWORK, ...PROXY } }).reply(
    request('DISCOVER', { options: CLIENTS['BIOS ROM'] }),
  );
  const SECOND = 1000;

  it.each([
    ['UEFI', uefiClient, 'a', 'b'],
    ['BIOS', bios, 'b', 'a'],
  ])('%s begins with its own and changes when it comes back with nothing', (_, client, first, second) => {
    const book = createStrategyBook();
    const offer = (xid: number, now: number) => {
      const { strategy } = book.choose(client, xid, now);
      book.offered(client, xid, strategy, now);
      return strategy;
    };
    expect(offer(1, START)).toBe(first);
    // The same DISCOVER again: no address came yet.
    expect(offer(1, START + 8 * SECOND)).toBe(first);
    expect(offer(2, START + 40 * SECOND)).toBe(second);
    expect(offer(2, START + 44 * SECOND)).toBe(second);
    expect(offer(3, START + 90 * SECOND)).toBe(first);
  });

  it('what worked is remembered for the machine and for firmware like its own', () => {
    const book = createStrategyBook();
    book.offered(uefiClient, 1, 'a', START);
    expect(book.choose(uefiClient, 2, START + 30 * SECOND).strategy).toBe('b');
    book.offered(uefiClient, 2, 'b', START + 30 * SECOND);
    const news = book.worked(uefiClient.mac, START + 32 * SECOND);
    expect(news.map(({ key, strategy }) => [key, strategy])).toEqual([
      [uefiClient.mac, 'b'],
      [firmwareKey(uefiClient), 'b'],
    ]);
    const again = createStrategyBook(news);
    expect(again.choose(uefiClient, 9, START).strategy).toBe('b');
    expect(again.choose({ ...uefiClient, mac: mac(77) }, 9, START)).toEqual({
      strategy: 'b',
      because: 'it worked for firmware 7 3.0 52:54:00 PXEClient:Arch:00007:UNDI:003000',
    });
  });

  it('what is known already is not stored again, and strangers teach nothing', () => {
    const book = createStrategyBook();
    expect(book.worked(mac(5), START)).toEqual([]);
    book.offered(uefiClient, 1, 'a', START);
    expect(book.worked(uefiClient.mac, START + SECOND)).toHaveLength(2);
    book.offered(uefiClient, 2, 'a', START + SECOND);
    expect(book.worked(uefiClient.mac, START + 2 * SECOND)).toEqual([]);
  });

  it('a boot that worked, and another ten minutes later, is no failure', () => {
    const book = createStrategyBook();
    book.offered(uefiClient, 1, 'a', START);
    expect(book.choose(uefiClient, 2, START + 601 * SECOND).strategy).toBe('a');
  });

  it('the offer is as the book says: B names the file and says to use it', () => {
    const lab = makeWorld({ network: { ...NETWORK, ...PROXY } });
    const strategies = createStrategyBook([{ key: mac(1), strategy: 'b', at: START }]);
    const { packet, notes } = lab.reply(uefi(), { strategies });
    expect(packet.file).toBe('ipxe/snponly.efi');
    expect(packet.options.get(43)).toEqual(bytes('06 01 08 ff'));
    expect(notes[0]).toBe('strategy B: it worked for this machine');
  });

  it('a quirk has the last word', () => {
    const lab = withQuirk({ proxyStrategy: 'a' }, PROXY);
    const strategies = createStrategyBook([{ key: mac(1), strategy: 'b', at: START }]);
    const { packet, notes } = lab.reply(uefi(), { strategies });
    expect([packet.file, packet.options.has(43), notes[0]]).toEqual(['', false, 'strategy A: a quirk says so']);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_CAPS, type NegotiationFacts, negotiate } from '../../src/tftp/negotiate.ts';

type Asked = Record<string, string>;

function answer(
  asked: Asked,
  facts: NegotiationFacts = { size: 1000 },
  caps: Partial<typeof DEFAULT_CAPS> = {},
): Asked {
  return Object.fromEntries(negotiate(new Map(Object.entries(asked)), facts, { ...DEFAULT_CAPS, ...caps }).accepted);
}

const ethernet = { size: 1000, mtu: 1500 };

describe('the answer to options', () => {
  it.each<[string, Asked, NegotiationFacts, Asked]>([
    ['iPXE (T-65)', { blksize: '1432', tsize: '0' }, ethernet, { blksize: '1432', tsize: '1000' }],
    ['PXELINUX', { tsize: '0', blksize: '1408' }, ethernet, { tsize: '1000', blksize: '1408' }],
    [
      'EDK2, first (T-64)',
      { tsize: '0', blksize: '1468', windowsize: '4' },
      ethernet,
      { tsize: '1000', blksize: '1468', windowsize: '4' },
    ],
    ['EDK2, second (T-64)', { blksize: '1468', windowsize: '4' }, ethernet, { blksize: '1468', windowsize: '4' }],
    ['shim (T-65)', { blksize: '512', windowsize: '4' }, ethernet, { blksize: '512', windowsize: '4' }],
    ['GRUB (T-65)', { blksize: '1024', tsize: '0' }, ethernet, { blksize: '1024', tsize: '1000' }],
    ['T-6 an unknown option', { multicast: '', msftwindow: '31416', blksize: '512' }, {}, { blksize: '512' }],
    ['T-12 nothing that can be accepted', { multicast: '' }, {}, {}],
    ['T-13 the largest block', { blksize: '65464' }, {}, { blksize: '65464' }],
    ['T-13 more than the largest block', { blksize: '65535' }, {}, { blksize: '65464' }],
    ['T-13 the smallest block', { blksize: '8' }, {}, { blksize: '8' }],
    ['T-13 less than the smallest block', { blksize: '7' }, {}, {}],
    ['T-14 a block above the MTU over IPv4', { blksize: '8192' }, { mtu: 1500 }, { blksize: '1468' }],
    ['T-14 a block above the MTU over IPv6', { blksize: '8192' }, { mtu: 1500, ipv6: true }, { blksize: '1448' }],
    ['T-15 a timeout', { timeout: '4' }, {}, { timeout: '4' }],
    ['T-15 the shortest timeout', { timeout: '1' }, {}, { timeout: '1' }],
    ['T-15 the longest timeout', { timeout: '255' }, {}, { timeout: '255' }],
    ['T-15 a timeout of 0', { timeout: '0' }, {}, {}],
    ['T-15 a timeout of 256', { timeout: '256' }, {}, {}],
    ['T-16 tsize with any value', { tsize: '17' }, { size: 5_000_000_000 }, { tsize: '5000000000' }],
    ['T-16 tsize above 32 bits', { tsize: '0' }, { size: 2 ** 40 + 1 }, { tsize: '1099511627777' }],
    ['T-16 tsize of an empty file, which curl would take for an error', { tsize: '0' }, { size: 0 }, {}],
    ['T-16 tsize of unknown size', { tsize: '0' }, {}, {}],
    ['T-18 T-66 a window above the cap', { windowsize: '65535' }, {}, { windowsize: '64' }],
    ['T-18 a window of 1', { windowsize: '1' }, {}, {}],
    ['T-18 a window of 0', { windowsize: '0' }, {}, {}],
    ['T-18 a window out of range', { windowsize: '65536' }, {}, {}],
    [
      'T-18 a window above the bytes allowed',
      { windowsize: '64', blksize: '65464' },
      {},
      { windowsize: '64', blksize: '65464' },
    ],
    ['T-19 utimeout', { utimeout: '10000' }, {}, { utimeout: '10000' }],
    ['T-19 the longest utimeout', { utimeout: '255000000' }, {}, { utimeout: '255000000' }],
    ['T-19 utimeout out of range', { utimeout: '9999' }, {}, {}],
    ['T-19 utimeout above its range', { utimeout: '255000001' }, {}, {}],
    ['T-19 msftwindow, whose window moves in its ACKs', { msftwindow: '31416' }, {}, {}],
    ['T-19 rollover to 0', { rollover: '0' }, {}, { rollover: '0' }],
    ['T-19 rollover', { rollover: '1' }, {}, { rollover: '1' }],
    ['T-19 rollover out of range', { rollover: '2' }, {}, {}],
    ['T-19 the smallest blksize2', { blksize2: '8' }, {}, { blksize2: '8' }],
    ['T-19 less than the smallest blksize2', { blksize2: '7' }, {}, {}],
    ['T-19 blksize2', { blksize2: '1468' }, {}, { blksize2: '1024' }],
    ['T-19 blksize2 above the MTU', { blksize2: '65464' }, { mtu: 1500 }, { blksize2: '1024' }],
    ['T-19 blksize beside blksize2', { blksize2: '1024', blksize: '600' }, {}, { blksize: '600' }],
  ])('to %s', (_name, asked, facts, expected) => {
    const answered = answer(asked, facts);
    expect(answered).toEqual(expected);
    expect(Object.keys(answered)).toEqual(Object.keys(asked).filter((name) => name in expected));
  });

  it.each(['', '-1', '+512', ' 512', '0x200', '512k', '1e3', '5.5', '٥١٢'])('T-5 leaves out blksize "%s"', (value) => {
    expect(answer({ blksize: value, tsize: '0' })).toEqual({ tsize: '1000' });
  });

  it('T-18 caps the window by bytes', () => {
    expect(answer({ windowsize: '64', blksize: '1024' }, {}, { windowBytesMax: 8192 })).toEqual({
      windowsize: '8',
      blksize: '1024',
    });
  });

  it('T-18 leaves one block number free in the largest window, so that an ACK says which block it means', () => {
    expect(answer({ windowsize: '65535', blksize: '8' }, {}, { windowsizeMax: 65_535 })).toEqual({
      windowsize: '65534',
      blksize: '8',
    });
  });

  it('T-23 never makes the request fail, whatever is asked', () => {
    const name = fc.oneof(fc.constantFrom('blksize', 'tsize', 'timeout', 'windowsize', 'rollover'), fc.string());
    fc.assert(
      fc.property(fc.dictionary(name, fc.oneof(fc.string(), fc.bigInt().map(String))), (asked) => {
        const { parameters } = negotiate(new Map(Object.entries(asked)), { size: 7, mtu: 1500 });
        expect(parameters.blksize).toBeGreaterThanOrEqual(8);
        expect(parameters.blksize).toBeLessThanOrEqual(1468);
        expect(parameters.windowsize).toBeGreaterThanOrEqual(1);
        expect(parameters.windowsize).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('T-67 caps the block where the operator says so', () => {
    expect(answer({ blksize: '1468' }, {}, { blksizeMax: 1024 })).toEqual({ blksize: '1024' });
  });

  it('T-68 treats a disabled option as unknown', () => {
    const asked = { blksize: '1468', windowsize: '4' };
    expect(answer(asked, {}, { disabled: new Set(['windowsize'] as const) })).toEqual({ blksize: '1468' });
    expect(
      negotiate(new Map(Object.entries(asked)), {}, { ...DEFAULT_CAPS, disabled: new Set(['blksize'] as const) })
        .parameters,
    ).toMatchObject({ blksize: 512, windowsize: 4 });
  });

  it('T-10 never names what was not asked, nor more than was asked', () => {
    const name = fc.constantFrom('blksize', 'blksize2', 'tsize', 'timeout', 'utimeout', 'windowsize', 'rollover', 'x');
    const value = fc.oneof(fc.nat().map(String), fc.string());
    fc.assert(
      fc.property(fc.dictionary(name, value), fc.option(fc.nat(100_000), { nil: undefined }), (asked, mtu) => {
        const answered = answer(asked, { size: 7, mtu });
        for (const [key, text] of Object.entries(answered)) {
          expect(asked).toHaveProperty(key);
          if (key.startsWith('blksize') || key === 'windowsize')
            expect(Number(text)).toBeLessThanOrEqual(Number(asked[key]));
          if (key.endsWith('timeout')) expect(text).toBe(asked[key]);
        }
      }),
    );
  });
});

describe('the parameters of a transfer', () => {
  it('are those of RFC 1350 without options', () => {
    expect(negotiate(new Map(), { mtu: 1500 }).parameters).toEqual({ blksize: 512, windowsize: 1, rollover: 0 });
  });

  it('T-15 take the finer of two timeouts', () => {
    const asked = new Map(Object.entries({ timeout: '3', utimeout: '250000', rollover: '1' }));
    expect(negotiate(asked, {}).parameters).toMatchObject({ timeoutMs: 250, rollover: 1 });
  });
});

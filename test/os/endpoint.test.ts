import { describe, expect, it } from 'vitest';
import { endpointBytes, readEndpoint } from '../../src/os/endpoint.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('endpoints', () => {
  it.each([
    ['10.77.0.1', 69, `020000450a4d0001${'00'.repeat(8)}`],
    ['::1', 69, `0a000045${'00'.repeat(4)}${'00'.repeat(15)}01${'00'.repeat(4)}`],
    ['fe80::5054:ff:fe12:3456%3', 1024, `0a000400${'00'.repeat(4)}fe80000000000000505400fffe123456${'03000000'}`],
  ])('%s port %i has the bytes a C program gives it', (address, port, expected) => {
    expect(hex(endpointBytes({ address, port }))).toBe(expected);
  });

  it.each([
    ['::', '::'],
    ['2001:db8::1', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['::ffff:10.77.0.9', '::ffff:a4d:9'],
    ['fe80::1%2', 'fe80::1%2'],
    ['255.254.253.1', '255.254.253.1'],
  ])('%s is read back as RFC 5952 writes it: %s', (address, expected) => {
    const bytes = new Uint8Array(32);
    bytes.set(endpointBytes({ address, port: 40_000 }), 4);
    expect(readEndpoint(new DataView(bytes.buffer), 4)).toEqual({ address: expected, port: 40_000 });
  });

  it('T-54 refuses a scope that is no interface', () => {
    expect(() => endpointBytes({ address: 'fe80::1%nowhere9', port: 69 })).toThrow(
      expect.objectContaining({ code: 'ENODEV' }),
    );
  });

  it('refuses any other family', () => {
    expect(() => readEndpoint(new DataView(new ArrayBuffer(28)), 0)).toThrow(RangeError);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostnameFrom, readClient } from '../../src/dhcp/facts.ts';
import { decode } from '../../src/dhcp/packet.ts';
import { WireError } from '../../src/net/bytes.ts';
import { bytes, CLIENTS, ipv4, mac, type RequestFields, request } from '../support/dhcp-world.ts';

function clientOf(fields: RequestFields) {
  const reading = readClient(request('DISCOVER', fields));
  if (reading.kind === 'none') throw new Error(reading.reason);
  return reading.client;
}

describe('who is asking (D-60, D-75)', () => {
  it.each([
    ['BIOS ROM', 'pxe', 'bios'],
    ['UEFI x64', 'pxe', 'uefi-x64'],
    ['UEFI arm64', 'pxe', 'uefi-arm64'],
    ['UEFI HTTP x64', 'http', 'uefi-x64'],
    ['iPXE BIOS', 'ipxe', 'bios'],
    ['iPXE UEFI', 'ipxe', 'uefi-x64'],
    ['undionly behind a proxy', 'ipxe', 'bios'],
    ['udhcpc', 'other', undefined],
    ['Cisco phone', 'other', undefined],
  ] as const)('%s is %s for %s', (name, kind, target) => {
    const client = clientOf({ options: CLIENTS[name] });
    expect([client.kind, client.arch?.target]).toEqual([kind, target]);
  });

  it.each([
    ['bare text', { 77: 'iPXE' }],
    ['RFC 3004 with a length', { 77: ['iPXE'] }],
    ['several classes by RFC 3004', { 77: ['lab', 'iPXE'] }],
    ['option 175 alone', { 175: bytes('130101') }],
  ])('iPXE is recognised by %s', (_, options) => {
    expect(clientOf({ options: { 60: 'PXEClient:Arch:00000:UNDI:002001', ...options } }).kind).toBe('ipxe');
  });
});

describe('what it says of itself', () => {
  it.each([
    ['option 93', { 93: [7], 60: 'PXEClient:Arch:00000:UNDI:003000' }, 7],
    ['the first of option 93 that has a loader (D-78)', { 93: [99, 13, 11] }, 11],
    ['option 60 when 93 is missing (D-83)', { 60: 'PXEClient:Arch:00009:UNDI:003000' }, 9],
    ['nothing', { 60: 'PXEClient' }, undefined],
  ])('its architecture is of %s', (_, options, code) => {
    expect(clientOf({ options }).arch?.code).toBe(code);
  });

  it('its UUID has the first three fields turned (D-24)', () => {
    expect(clientOf({ options: { 97: bytes('00 33221100 5544 7766 8899aabbccddeeff') } }).uuid).toBe(
      '00112233-4455-6677-8899-aabbccddeeff',
    );
    expect(clientOf({ options: { 97: bytes('00112233') } }).uuid).toBeUndefined();
  });

  it.each(['00', 'ff'])('a UUID of %s only is none: boards without one say so (D-24)', (byte) => {
    expect(clientOf({ options: { 97: bytes(`00 ${byte.repeat(16)}`) } }).uuid).toBeUndefined();
  });

  it.each([
    ['dc:a6:32:01:02:03', 41],
    ['52:54:00:01:02:03', 0],
  ])('%s, saying architecture 0, is %d: a Raspberry Pi is no PC (D-81)', (address, code) => {
    expect(clientOf({ mac: mac(address), options: CLIENTS['BIOS ROM'] }).arch?.code).toBe(code);
  });

  it('its iPXE features, UNDI version, identifiers and names', () => {
    const options = {
      ...CLIENTS['iPXE BIOS'],
      61: bytes('01525400770001'),
      12: 'Node 7!.lab',
      94: bytes('01030a'),
      50: '10.0.0.9',
    };
    expect(clientOf({ options })).toMatchObject({
      mac: mac(1),
      ipxe: { version: '1.0.0', http: true, https: false, efi: false },
      undi: '3.10',
      clientId: '01525400770001',
      hostname: 'Node7',
      address: '10.0.0.9',
      vendorClass: 'PXEClient:Arch:00000:UNDI:002001',
    });
    expect(clientOf({ options: CLIENTS['iPXE UEFI'] }).ipxe).toMatchObject({ efi: true, http: true });
  });

  it('the relay and its port, from a relay only (D-46)', () => {
    const options = { 82: bytes('0104 00010203') };
    expect(clientOf({ giaddr: ipv4('10.9.0.1'), options })).toMatchObject({ relay: '10.9.0.1', circuitId: '00010203' });
    expect(clientOf({ options })).not.toHaveProperty('circuitId');
  });
});

it.each([
  ['no hardware address', { hlen: 0 }],
  ['a short one', { hlen: 5 }],
  // The first six bytes of an EUI-64 are shared by many cards: two machines would be taken for one.
  ['one of eight bytes', { hlen: 8, chaddrTail: '0102' }],
  ['zeros', { mac: mac('00:00:00:00:00:00') }],
  ['the broadcast address', { mac: mac('ff:ff:ff:ff:ff:ff') }],
])('with %s it is no client', (_, fields: RequestFields) => {
  expect(readClient(request('DISCOVER', fields)).kind).toBe('none');
});

it.each([
  ['web01.example.com', 'web01'],
  ['-a-', 'a'],
  ['../../etc', undefined],
  ['x'.repeat(80), 'x'.repeat(63)],
  [`a${'-'.repeat(80)}b`, 'a'],
  ['', undefined],
])('the host name %j becomes %j (D-44)', (said, name) => {
  expect(hostnameFrom(said)).toBe(name);
});

it('takes six bytes of a length that counts the padding as well', () => {
  expect(clientOf({ hlen: 16 }).mac).toBe(mac(1));
});

it('is not held up by a host name made to be slow', () => {
  const startedAt = performance.now();
  hostnameFrom(`a${'-'.repeat(60_000)}b`);
  expect(performance.now() - startedAt).toBeLessThan(200);
});

it('reads whatever decodes without throwing', () => {
  const header = [
    ...bytes('01010600 12345678 00000000'),
    ...Array(16).fill(0),
    ...bytes('525400770001'),
    ...Array(202).fill(0),
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (options) => {
      try {
        readClient(decode(Uint8Array.from([...header, ...bytes('63825363'), ...options])));
      } catch (error) {
        expect(error).toBeInstanceOf(WireError);
      }
    }),
  );
});

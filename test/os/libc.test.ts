import { describe, expect, it } from 'vitest';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';
import {
  deviceName,
  intValue,
  LibcError,
  loadLibc,
  neighbourRequest,
  packetAddress,
  socketAddress,
} from '../../src/os/libc.ts';

const MAC = '52:54:00:aa:bb:cc' as Mac;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const zeros = (count: number) => '00'.repeat(count);

/** The right bytes are what a C program prints on a little-endian machine (x64, arm64). */
describe('struct layouts', () => {
  it.each([
    ['int 1', intValue(1), '01000000'],
    ['int 8 MiB', intValue(8 << 20), '00008000'],
    ['sockaddr_in', socketAddress('10.77.0.1' as Ipv4, 67), `020000430a4d0001${zeros(8)}`],
    ['sockaddr_ll', packetAddress(258, MAC), `1100${'0800'}02010000${'0100'}0006525400aabbcc0000`],
    ['device name', deviceName('eth0'), `65746830${zeros(12)}`],
    [
      'arpreq',
      neighbourRequest('eth0', '10.77.0.9' as Ipv4, MAC),
      `020000000a4d0009${zeros(8)}` + `0100525400aabbcc${zeros(8)}` + `02000000${zeros(16)}` + `65746830${zeros(12)}`,
    ],
  ])('%s', (_name, bytes, expected) => {
    expect(hex(bytes)).toBe(expected);
  });

  it.each(['', 'a-name-of-16-byt', 'ünïcödé-näme'])('refuses the interface name "%s" as the kernel would', (name) => {
    expect(() => deviceName(name)).toThrow(expect.objectContaining({ code: 'ENODEV' }));
  });
});

describe('loading', () => {
  it('gives a reason, in one line, when the package is missing', () => {
    const load = loadLibc(() => {
      throw new Error("Cannot find module 'koffi'\nRequire stack:\n- somewhere");
    });
    expect(load).toEqual({
      kind: 'unavailable',
      reason: "the optional package koffi did not load: Cannot find module 'koffi'",
    });
  });

  it('names the errno of a failed call', () => {
    const load = loadLibc(() => ({ load: () => ({ func: () => () => -1 }), errno: () => 13 }));
    if (load.kind !== 'loaded') throw new Error(load.reason);
    expect(() => load.libc.openSocket(2)).toThrow(new LibcError('socket', 13));
    expect(() => load.libc.close(3)).toThrow(expect.objectContaining({ code: 'EACCES', syscall: 'close' }));
  });

  it('calls the real library with what it expects', () => {
    const load = loadLibc();
    if (load.kind !== 'loaded') throw new Error(load.reason);
    const fd = load.libc.openSocket(2);
    load.libc.bind(fd, socketAddress('127.0.0.1' as Ipv4, 0));
    load.libc.sendTo(fd, Uint8Array.of(1, 2, 3), socketAddress('127.0.0.1' as Ipv4, 9));
    load.libc.close(fd);
    expect(() => load.libc.close(fd)).toThrow(expect.objectContaining({ code: 'EBADF' }));
  });
});

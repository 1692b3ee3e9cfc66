import { describe, expect, it } from 'vitest';
import type { Requester } from '../../src/boot/content.ts';
import { canAnswer, openTolerantly, plainAddress } from '../../src/tftp/request.ts';
import { contentOf } from '../support/content.ts';

const requester: Requester = { ip: '127.0.0.1', transport: 'tftp', localAddress: '127.0.0.1' };

describe('a source', () => {
  it.each([
    ['10.77.0.9', 1024, true],
    ['fe80::1%eth0', 1024, true],
    ['10.77.0.9', 0, false],
    ['255.255.255.255', 1024, false],
    ['0.0.0.0', 1024, false],
    ['224.0.0.1', 1024, false],
    ['239.255.0.1', 1024, false],
    ['240.0.0.1', 1024, true],
    ['ff02::1', 1024, false],
  ])('T-48 %s:%i can be answered: %s', (address, port, expected) => {
    expect(canAnswer({ address, port })).toBe(expected);
  });

  it('T-54 is written as IPv4 when it is IPv4', () => {
    expect(plainAddress('::ffff:10.77.0.9')).toBe('10.77.0.9');
    expect(plainAddress('fe80::1')).toBe('fe80::1');
  });
});

describe('a name with rubbish behind it', () => {
  it('is looked at in no time, however it is made', async () => {
    const absent = async () => ({ kind: 'absent', reason: 'x' }) as const;
    const startedAt = performance.now();
    await openTolerantly(absent, `${'\uFFFD'.repeat(65_000)}a`, requester);
    expect(performance.now() - startedAt).toBeLessThan(500);
  });

  const open = async (path: string) =>
    path === 'ipxe.efi' || path === 'naïve é'
      ? contentOf('x')
      : ({ kind: /\p{Cc}/u.test(path) ? 'refused' : 'absent', reason: 'no route' } as const);

  it.each([
    ['ipxe.efi', 'ipxe.efi', 'content'],
    ['ipxe.efi\uFFFD\uFFFD', 'ipxe.efi', 'content'],
    ['ipxe.efi\x01\x7f\xff', 'ipxe.efi', 'content'],
    ['naïve é', 'naïve é', 'content'],
    ['other\xff', 'other\xff', 'absent'],
    ['other\x02', 'other\x02', 'refused'],
    ['\xff\xff', '\xff\xff', 'absent'],
  ])('T-8 %j is opened as %j: %s', async (asked, path, kind) => {
    const opened = await openTolerantly(open, asked, requester);
    expect([opened.path, opened.outcome.kind]).toEqual([path, kind]);
  });
});

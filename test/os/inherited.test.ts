import { expect, it } from 'vitest';
import { parseInheritance, udpPortOf } from '../../src/os/inherited.ts';

it('numbers the descriptors from 3 in the order of their names', () => {
  const env = { LISTEN_PID: '42', LISTEN_FDS: '3', LISTEN_FDNAMES: 'eth0:eth0:lan.7' };
  expect(parseInheritance(env, 42)).toEqual({
    kind: 'sockets',
    sockets: [
      { fd: 3, name: 'eth0' },
      { fd: 4, name: 'eth0' },
      { fd: 5, name: 'lan.7' },
    ],
  });
});

it.each([
  ['nothing was passed', {}, 'no sockets'],
  [
    'the sockets are another process’s',
    { LISTEN_PID: '7', LISTEN_FDS: '1', LISTEN_FDNAMES: 'eth0' },
    'LISTEN_PID is 7',
  ],
  ['the pid is missing', { LISTEN_FDS: '1', LISTEN_FDNAMES: 'eth0' }, 'LISTEN_PID is undefined'],
  ['the count is no number', { LISTEN_PID: '42', LISTEN_FDS: '1x', LISTEN_FDNAMES: 'eth0' }, 'LISTEN_FDS is "1x"'],
  ['the count is zero', { LISTEN_PID: '42', LISTEN_FDS: '0', LISTEN_FDNAMES: '' }, 'LISTEN_FDS is "0"'],
  ['there are no names', { LISTEN_PID: '42', LISTEN_FDS: '2' }, 'set FileDescriptorName=<interface>'],
  ['names are too few', { LISTEN_PID: '42', LISTEN_FDS: '2', LISTEN_FDNAMES: 'eth0' }, '2 sockets came with 1 names'],
])('takes no sockets when %s', (_name, env, reason) => {
  expect(parseInheritance(env, 42)).toMatchObject({ kind: 'none', reason: expect.stringContaining(reason) });
});

it('knows no port of a descriptor that is not a UDP socket', () => {
  expect(udpPortOf(0)).toBeUndefined();
  expect(udpPortOf(9999)).toBeUndefined();
});

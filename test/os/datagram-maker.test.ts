import { expect, it } from 'vitest';
import { chooseMaker, createDatagramMaker } from '../../src/os/datagram-maker.ts';

const passed = { kind: 'sockets', sockets: [{ fd: 3, name: 'eth0' }] } as const;
const notPassed = { kind: 'none', reason: 'the service manager passed no sockets' } as const;
const yes = { kind: 'yes' } as const;
const no = { kind: 'no', reason: 'koffi did not load' } as const;

it.each([
  { prefer: undefined, inheritance: passed, device: yes, kind: 'inherited', missed: undefined },
  { prefer: undefined, inheritance: notPassed, device: yes, kind: 'device', missed: undefined },
  { prefer: undefined, inheritance: notPassed, device: no, kind: 'portable', missed: undefined },
  { prefer: 'portable', inheritance: passed, device: yes, kind: 'portable', missed: undefined },
  { prefer: 'device', inheritance: passed, device: yes, kind: 'device', missed: undefined },
  { prefer: 'device', inheritance: notPassed, device: no, kind: 'portable', missed: 'device was asked for: koffi did' },
  { prefer: 'device', inheritance: passed, device: no, kind: 'inherited', missed: 'device was asked for: koffi did' },
  { prefer: 'inherited', inheritance: notPassed, device: yes, kind: 'device', missed: 'inherited was asked for: the' },
] as const)('prefers $prefer, may $device.kind, was given $inheritance.kind: $kind', (given) => {
  const choice = chooseMaker(given.prefer, given.inheritance, given.device);
  expect(choice.kind).toBe(given.kind);
  expect(choice.reason).not.toBe('');
  if (given.missed) expect(choice.missed).toContain(given.missed);
  else expect(choice.missed).toBeUndefined();
});

it('falls back to plain sockets without native calls and says so once', () => {
  const lines: string[] = [];
  const log = {
    info: (text: string) => lines.push(`info ${text}`),
    warn: (text: string) => lines.push(`warn ${text}`),
  };
  const libc = { kind: 'unavailable', reason: 'koffi is not installed' } as const;
  expect(createDatagramMaker({ log, env: {}, libc })).toMatchObject({
    kind: 'portable',
    reason: 'koffi is not installed',
  });
  createDatagramMaker({ log, env: {}, libc, prefer: 'device' });
  expect(lines).toEqual([
    'info DHCP sockets: portable, because koffi is not installed',
    'warn DHCP sockets: portable, because koffi is not installed (device was asked for: koffi is not installed)',
  ]);
});

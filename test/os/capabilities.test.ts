import { expect, it } from 'vitest';
import { parseCapabilities, readCapabilities } from '../../src/os/capabilities.ts';

const NONE = { netBindService: false, netAdmin: false, netRaw: false };

it.each([
  ['root', '000001ffffffffff', { netBindService: true, netAdmin: true, netRaw: true }],
  ['an ordinary user', '0000000000000000', NONE],
  ['net_bind_service alone', '0000000000000400', { ...NONE, netBindService: true }],
  ['the default of container engines', '00000000a80425fb', { ...NONE, netBindService: true, netRaw: true }],
  ['net_admin alone', '0000000000001000', { ...NONE, netAdmin: true }],
])('reads the effective set of %s', (_name, set, expected) => {
  const status = `Name:\tnode\nCapInh:\t000001ffffffffff\nCapPrm:\t000001ffffffffff\nCapEff:\t${set}\nCapBnd:\t000001ffffffffff\n`;
  expect(parseCapabilities(status)).toEqual(expected);
});

it('assumes none where the system does not tell', () => {
  expect(parseCapabilities('Name:\tnode\n')).toEqual(NONE);
  expect(readCapabilities('/nowhere/status')).toEqual(NONE);
});

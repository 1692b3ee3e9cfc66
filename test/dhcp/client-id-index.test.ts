/** Client identifiers and their addresses: machines draw new ones with every system, and not all are kept for ever. */
import { expect, test } from 'vitest';
import type { Lease } from '../../src/boot/lease.ts';
import { createClientIdIndex } from '../../src/dhcp/client-id-index.ts';
import { ipv4ToNumber } from '../../src/net/ipv4.ts';
import { ipv4, mac } from '../support/dhcp-world.ts';

const address = ipv4('10.0.0.10');
const lease = (clientId: string): Lease => {
  return { network: 'lab', address, mac: mac(1), clientId, state: 'bound', startsAt: 0, expiresAt: 1 };
};

test('identifiers that are on record no more are forgotten when there are many of them', () => {
  let current = lease('first');
  const index = createClientIdIndex(() => [current]);
  expect(index.find('first')).toBe(ipv4ToNumber(address));
  for (let n = 0; n < 20_000; n++) {
    current = lease(`id ${n}`);
    index.note(current);
  }
  expect(index.find('first')).toBeUndefined();
  expect(index.find('id 19999')).toBe(ipv4ToNumber(address));
});

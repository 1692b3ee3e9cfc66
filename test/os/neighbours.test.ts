import { expect, test } from 'vitest';
import { findNeighbour } from '../../src/os/neighbours.ts';

const TABLE = `IP address       HW type     Flags       HW address            Mask     Device
10.77.0.130      0x1         0x2         52:54:00:77:00:01     *        eth1
10.77.0.131      0x1         0x0         00:00:00:00:00:00     *        eth1
10.77.0.132      0x1         0x2         00:00:00:00:00:00     *        eth1
`;

test.each([
  ['10.77.0.130', '52:54:00:77:00:01', 'a complete entry is a neighbour'],
  ['10.77.0.131', undefined, 'an incomplete entry is not'],
  ['10.77.0.132', undefined, 'the zero address is nobody'],
  ['10.77.0.13', undefined, 'an address is not matched by its beginning'],
  ['10.77.0.9', undefined, 'a stranger is unknown'],
] as const)('%s → %s: %s', (ip, mac, _why) => {
  expect(findNeighbour(ip, () => TABLE)).toBe(mac);
});

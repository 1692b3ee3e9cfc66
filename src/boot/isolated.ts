/** A whole network from one interface: what `hobnail serve --isolated eth1` serves on a wire with nobody else on it. */
import { broadcastOf, ipv4FromNumber, ipv4ToNumber, parseCidr } from '../net/ipv4.ts';
import { type Network, networkSchema } from './network.ts';
import type { InterfaceFacts } from './served.ts';

export type IsolatedPlan =
  | { readonly kind: 'network'; readonly network: Network }
  | { readonly kind: 'none'; readonly reason: string };

/** No switch has more machines; a larger pool would only be longer. */
const MOST_ADDRESSES = 4096;

/**
 * Server mode with the longer row of addresses beside our own as pool. No router and no name server: there is none. It
 * answers as the authority, and falls silent when another DHCP server turns up.
 */
export function planIsolated(name: string, interfaces: readonly InterfaceFacts[]): IsolatedPlan {
  const found = interfaces.find((one) => one.name === name);
  if (!found) {
    const known = interfaces.map((one) => one.name).join(', ');
    return { kind: 'none', reason: `there is no interface ${name}; known: ${known}` };
  }
  const own = found.addresses.find(({ prefix }) => prefix < 31);
  const subnet = own && parseCidr(`${own.address}/${own.prefix}`);
  if (!own || !subnet) {
    const reason = `${name} has no IPv4 address with room for machines beside it; give it one, such as: ip addr add 10.77.0.1/24 dev ${name}`;
    return { kind: 'none', reason };
  }
  const us = ipv4ToNumber(own.address);
  const first = ipv4ToNumber(subnet.network) + 1;
  const last = ipv4ToNumber(broadcastOf(subnet)) - 1;
  const pool =
    last - us >= us - first
      ? [us + 1, Math.min(last, us + MOST_ADDRESSES)]
      : [Math.max(first, us - MOST_ADDRESSES), us - 1];
  const [from, to] = pool.map(ipv4FromNumber);
  const document = {
    interface: name,
    subnet: `${subnet.network}/${subnet.prefix}`,
    mode: 'server',
    pools: [`${from}-${to}`],
    authoritative: true,
    isolated: true,
    // Whoever is on this switch was put there to be booted; the menu takes the disk by itself.
    unknown: 'menu',
  };
  return { kind: 'network', network: { name: 'isolated', ...networkSchema.parse(document) } };
}

/** What a machine needs to use its network: mask, router, name servers, and how long it has them. */
import type { Host } from '../boot/host.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { broadcastOf, ipv4ToBytes, netmaskOf } from '../net/ipv4.ts';
import { hostnameFrom } from './facts.ts';
import { subnetOf } from './network-choice.ts';
import { encodeOption } from './options.ts';
import { joinBytes } from './shape.ts';

type Options = Map<number, Uint8Array>;

/**
 * Mask, router and name servers always; the rest as far as the client asks for it (option 55), all of it when it does
 * not say what it wants.
 */
export function networkOptions(
  served: ServedNetwork,
  host: Host | undefined,
  asked: readonly number[] | undefined,
): Options {
  const { network } = served;
  const subnet = subnetOf(served);
  const options: Options = new Map([[1, ipv4ToBytes(netmaskOf(subnet))]]);
  if (network.router) options.set(3, ipv4ToBytes(network.router));
  if (network.dns.length > 0) options.set(6, joinBytes(network.dns.map(ipv4ToBytes)));
  const wanted = (code: number) => asked === undefined || asked.includes(code);
  const hostname = host && hostnameFrom(host.hostname ?? host.name);
  if (hostname && wanted(12)) options.set(12, encodeOption(12, hostname));
  if (network.domain && wanted(15)) options.set(15, encodeOption(15, network.domain));
  if (subnet.prefix < 31 && wanted(28)) options.set(28, ipv4ToBytes(broadcastOf(subnet)));
  if (network.ntp.length > 0 && wanted(42)) options.set(42, joinBytes(network.ntp.map(ipv4ToBytes)));
  return options;
}

/** Lease time with T1 at a half and T2 at seven eighths of it (RFC 2131 §4.4.5). */
export function timeOptions(seconds: number): Options {
  return new Map([
    [51, encodeOption(51, seconds)],
    [58, encodeOption(58, Math.floor(seconds / 2))],
    [59, encodeOption(59, Math.floor((seconds * 7) / 8))],
  ]);
}

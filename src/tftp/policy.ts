/** What holds for one client: whether it may ask at all, and the caps of the first rows that fit it. */
import type { Requester } from '../boot/content.ts';
import { findIpNetwork, type IpNetwork, parseIpNetwork } from '../net/ip-network.ts';
import { hasMacPrefix, type MacPrefix } from '../net/mac.ts';
import { isOfVendor, type Vendor } from '../net/vendors.ts';
import type { NegotiationCaps, OptionName } from './negotiate.ts';

/** One row of the operator's: every condition that is given must hold; a row without any is for everybody. */
export interface ClientRule {
  readonly networks?: readonly IpNetwork[] | undefined;
  readonly macs?: readonly MacPrefix[] | undefined;
  readonly vendor?: Vendor | undefined;
  readonly blksizeMax?: number | undefined;
  readonly windowsizeMax?: number | undefined;
  /** Options to treat as unknown. */
  readonly disable?: readonly OptionName[] | undefined;
  /** The block number after 65535 for a client that does not say. */
  readonly rollover?: 0 | 1 | undefined;
  /** Whether blocks are fitted to the MTU. */
  readonly fitMtu?: boolean | undefined;
  readonly retransmitMaxMs?: number | undefined;
}

export interface ClientPolicy {
  readonly caps: NegotiationCaps;
  readonly fitMtu: boolean;
  readonly retransmitMaxMs: number;
}

/** Of several rows that fit, the first that says something about a setting wins; `caps` are for what none does. */
export function policyFor(
  { ip, mac }: Pick<Requester, 'ip' | 'mac'>,
  defaults: ClientPolicy,
  rules: readonly ClientRule[],
): ClientPolicy {
  const fitting = rules.filter(
    ({ networks, macs, vendor }) =>
      (networks === undefined || findIpNetwork(networks, ip) !== undefined) &&
      (macs === undefined || (mac !== undefined && macs.some((prefix) => hasMacPrefix(mac, prefix)))) &&
      (vendor === undefined || (mac !== undefined && isOfVendor(mac, vendor))),
  );
  if (fitting.length === 0) return defaults;
  const first = <K extends keyof ClientRule>(key: K) => fitting.find((rule) => rule[key] !== undefined)?.[key];
  const disable = first('disable');
  const rollover = first('rollover');
  return {
    caps: {
      ...defaults.caps,
      blksizeMax: first('blksizeMax') ?? defaults.caps.blksizeMax,
      windowsizeMax: first('windowsizeMax') ?? defaults.caps.windowsizeMax,
      disabled: disable ? new Set(disable) : defaults.caps.disabled,
      ...(rollover !== undefined && { rollover }),
    },
    fitMtu: first('fitMtu') ?? defaults.fitMtu,
    retransmitMaxMs: first('retransmitMaxMs') ?? defaults.retransmitMaxMs,
  };
}

/** Addresses that are on nobody's internet: a boot server that is reachable from outside answers no stranger. */
const NEAR = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '127.0.0.0/8',
  'fc00::/7',
  'fe80::/10',
  '::1/128',
].flatMap((text) => parseIpNetwork(text) ?? []);

/**
 * Whether a source may ask. Our own address may always: by it the server tests itself.
 * @param allow the operator's list; undefined: private and link-local addresses, and `served` networks
 */
export function mayAsk(
  ip: string,
  localAddress: string,
  allow: readonly IpNetwork[] | undefined,
  served: readonly IpNetwork[],
): boolean {
  if (ip === localAddress) return true;
  if (allow) return findIpNetwork(allow, ip) !== undefined;
  return (findIpNetwork(NEAR, ip) ?? findIpNetwork(served, ip)) !== undefined;
}

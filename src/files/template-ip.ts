/** IPv4 addresses and networks as configuration files write them. */
import {
  broadcastOf,
  type Cidr,
  type Ipv4,
  ipv4FromNumber,
  ipv4ToHex,
  ipv4ToNumber,
  netmaskOf,
  parseCidr,
  parseIpv4,
} from '../net/ipv4.ts';

type AddressForm = (address: Ipv4) => string;
type NetworkForm = (network: Cidr) => string;

/** Of an address, alone or with its prefix length. */
const ADDRESS_FORMS: Readonly<Record<string, AddressForm>> = {
  address: (address) => address,
  hex: ipv4ToHex,
  number: (address) => String(ipv4ToNumber(address)),
  /** The name its PTR record has (RFC 1035 §3.5). */
  reverse: (address) => `${address.split('.').reverse().join('.')}.in-addr.arpa`,
};

/** Of an address with its prefix length. */
const NETWORK_FORMS: Readonly<Record<string, NetworkForm>> = {
  prefix: ({ prefix }) => String(prefix),
  netmask: netmaskOf,
  network: ({ network }) => network,
  broadcast: broadcastOf,
  wildcard: (network) => ipv4FromNumber(~ipv4ToNumber(netmaskOf(network)) >>> 0),
};

export const IP_FORMS: readonly string[] = [...Object.keys(ADDRESS_FORMS), ...Object.keys(NETWORK_FORMS)];

/** `10.77.0.5` or `10.77.0.5/24` in `form`. Throws `TypeError` for anything else, and for a form that needs the prefix length. */
export function formatIpText(form: string, text: string): string {
  const address = parseIpv4(text.split('/')[0] ?? '');
  const network = text.includes('/') ? parseCidr(text) : undefined;
  if (!address || (text.includes('/') && !network)) {
    throw new TypeError(`${JSON.stringify(text)} is no IPv4 address; write 10.77.0.5 or 10.77.0.5/24`);
  }
  if (Object.hasOwn(ADDRESS_FORMS, form)) return ADDRESS_FORMS[form]?.(address) ?? '';
  if (!Object.hasOwn(NETWORK_FORMS, form)) throw new TypeError(`"${form}" is no IP form; use ${IP_FORMS.join(', ')}`);
  if (!network) throw new TypeError(`"${form}" needs the prefix length: write ${text}/24, not ${text}`);
  return NETWORK_FORMS[form]?.(network) ?? '';
}

/** Networks of either family as values: `10.77.0.0/16`, `fd00::/8`, or one address. */

/** The leading `prefix` bits of `groups` (16 bits each) name the network. */
export interface IpNetwork {
  readonly family: 'ipv4' | 'ipv6';
  /** Two groups for IPv4, eight for IPv6; bits behind the prefix are zero. */
  readonly groups: readonly number[];
  readonly prefix: number;
}

/** Parses an address, or an address and a prefix length; host bits may be set and are cleared. */
export function parseIpNetwork(text: string): IpNetwork | undefined {
  const [address = '', length, ...rest] = text.trim().split('/');
  const groups = parseGroups(address);
  if (!groups || rest.length > 0) return undefined;
  const bits = groups.length * 16;
  if (length !== undefined && !/^(?:0|[1-9][0-9]{0,2})$/.test(length)) return undefined;
  const prefix = length === undefined ? bits : Number(length);
  if (prefix > bits) return undefined;
  const family = groups.length === 2 ? 'ipv4' : 'ipv6';
  return { family, prefix, groups: groups.map((group, index) => group & maskOf(prefix, index)) };
}

/** Whether an address, also one with a scope (`fe80::1%eth0`) or mapped (`::ffff:10.77.0.9`), is in the network. */
export function ipNetworkContains(network: IpNetwork, address: string): boolean {
  return findIpNetwork([network], address) !== undefined;
}

/** The first of the networks the address is in. */
export function findIpNetwork(networks: readonly IpNetwork[], address: string): IpNetwork | undefined {
  const groups = parseGroups(address.replace(/^::ffff:(?=[0-9.]+$)/i, '').replace(/%.*$/, ''));
  return groups && networks.find((network) => isIn(network, groups));
}

export function formatIpNetwork({ family, groups, prefix }: IpNetwork): string {
  const address =
    family === 'ipv4'
      ? groups.flatMap((group) => [group >> 8, group & 255]).join('.')
      : groups.map((group) => group.toString(16)).join(':');
  return `${address}/${prefix}`;
}

function isIn(network: IpNetwork, groups: readonly number[]): boolean {
  if (groups.length !== network.groups.length) return false;
  return groups.every((group, index) => (group & maskOf(network.prefix, index)) === network.groups[index]);
}

/** The mask of the sixteen bits of one group. */
function maskOf(prefix: number, index: number): number {
  const bits = Math.max(0, Math.min(16, prefix - index * 16));
  return (0xffff << (16 - bits)) & 0xffff;
}

const OCTET = '(?:0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])';
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

function parseGroups(text: string): readonly number[] | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): readonly number[] | undefined {
  if (!IPV4.test(text)) return undefined;
  const groups = [0, 0];
  for (let octet = 0, at = 0; octet < 4; octet++) {
    const end = text.indexOf('.', at);
    const group = octet >> 1;
    groups[group] = (groups[group] ?? 0) * 256 + Number(text.slice(at, end < 0 ? text.length : end));
    at = end + 1;
  }
  return groups;
}

function parseIpv6(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [left, right] = halves.map(parseRun);
  if (!left || (halves.length === 2 && !right)) return undefined;
  if (!right) return left.length === 8 ? left : undefined;
  const missing = 8 - left.length - right.length;
  return missing < 1 ? undefined : [...left, ...Array<number>(missing).fill(0), ...right];
}

/** Colon-separated groups; the last may be written as an IPv4 address. */
function parseRun(text: string): readonly number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    const ipv4 = index === parts.length - 1 ? parseIpv4(part) : undefined;
    if (ipv4) groups.push(...ipv4);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}

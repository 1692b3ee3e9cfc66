/** IPv4 addresses, networks and ranges as values; arithmetic on unsigned 32-bit numbers. */

/** A dotted-decimal IPv4 address without leading zeros (`10.77.0.1`). */
export type Ipv4 = string & { readonly __ipv4: unique symbol };

/** A network: its first address and prefix length (0–32). */
export interface Cidr {
  readonly network: Ipv4;
  readonly prefix: number;
}

/** An inclusive range of addresses, `first` ≤ `last`. */
export interface Ipv4Range {
  readonly first: Ipv4;
  readonly last: Ipv4;
}

export const ANY_ADDRESS = '0.0.0.0' as Ipv4;
export const LIMITED_BROADCAST = '255.255.255.255' as Ipv4;

/** Character codes of what an address is written in. */
const DOT = 46;
const ZERO = 48;

const OCTET = '(?:0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])';
const DOTTED = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);

/** Parses strict dotted decimal: four parts 0–255 without leading zeros (`010.0.0.1` is refused, not read as octal). */
export function parseIpv4(text: string): Ipv4 | undefined {
  return DOTTED.test(text) ? (text as Ipv4) : undefined;
}

/** The address as an unsigned 32-bit number. */
export function ipv4ToNumber(address: Ipv4): number {
  let value = 0;
  let part = 0;
  for (let at = 0; at < address.length; at++) {
    const code = address.charCodeAt(at);
    if (code === DOT) {
      value = value * 256 + part;
      part = 0;
    } else part = part * 10 + code - ZERO;
  }
  return value * 256 + part;
}

/** The address of an unsigned 32-bit number. */
export function ipv4FromNumber(value: number): Ipv4 {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ipv4;
}

/** Reads four bytes at `offset`; the caller has checked the length. */
export function ipv4FromBytes(bytes: Uint8Array, offset = 0): Ipv4 {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}` as Ipv4;
}

export function ipv4ToBytes(address: Ipv4): Uint8Array {
  const value = ipv4ToNumber(address);
  return Uint8Array.of(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

/** Eight upper-case hex digits, as PXELINUX and GRUB ask for (`0A4D0082`). */
export function ipv4ToHex(address: Ipv4): string {
  return ipv4ToNumber(address).toString(16).toUpperCase().padStart(8, '0');
}

/** Parses `10.77.0.0/24`; host bits may be set (`10.77.0.1/24`) and are cleared. */
export function parseCidr(text: string): Cidr | undefined {
  const [left = '', right = '', ...rest] = text.split('/');
  const address = parseIpv4(left);
  if (!address || rest.length > 0 || !/^(?:[0-9]|[12][0-9]|3[0-2])$/.test(right)) return undefined;
  const prefix = Number(right);
  return { network: ipv4FromNumber((ipv4ToNumber(address) & maskOf(prefix)) >>> 0), prefix };
}

export function formatCidr(cidr: Cidr): string {
  return `${cidr.network}/${cidr.prefix}`;
}

export function cidrContains(cidr: Cidr, address: Ipv4): boolean {
  return (ipv4ToNumber(address) & maskOf(cidr.prefix)) >>> 0 === ipv4ToNumber(cidr.network);
}

export function netmaskOf(cidr: Cidr): Ipv4 {
  return ipv4FromNumber(maskOf(cidr.prefix));
}

export function broadcastOf(cidr: Cidr): Ipv4 {
  return ipv4FromNumber((ipv4ToNumber(cidr.network) | ~maskOf(cidr.prefix)) >>> 0);
}

/** Prefix length of a contiguous netmask (`255.255.255.0` → 24); undefined for any other. */
export function prefixOfNetmask(netmask: Ipv4): number | undefined {
  const value = ipv4ToNumber(netmask);
  const prefix = Math.clz32(~value >>> 0);
  return maskOf(prefix) === value ? prefix : undefined;
}

/** Parses `10.77.0.100-10.77.0.200` or a single address. */
export function parseRange(text: string): Ipv4Range | undefined {
  const [left = '', right = left, ...rest] = text.split('-').map((part) => part.trim());
  const first = parseIpv4(left);
  const last = parseIpv4(right);
  if (!first || !last || rest.length > 0 || ipv4ToNumber(first) > ipv4ToNumber(last)) return undefined;
  return { first, last };
}

export function rangeContains(range: Ipv4Range, address: Ipv4): boolean {
  const value = ipv4ToNumber(address);
  return value >= ipv4ToNumber(range.first) && value <= ipv4ToNumber(range.last);
}

function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0;
}

/** IP endpoints as C's `sockaddr_in` and `sockaddr_in6`, and back as text. */

import { AF_INET, AF_INET6, LITTLE } from './libc-datagrams.ts';
import { scopeIndex } from './scopes.ts';

export interface Endpoint {
  /** IPv6 as RFC 5952 writes it, with `%` and the interface's name or number where it has one. */
  readonly address: string;
  readonly port: number;
}

const DOT = 0x2e;
const ZERO = 0x30;

/**
 *     sockaddr_in  (16 bytes): 0 family, host | 2 port, network | 4 address[4]  | 8 zeros
 *     sockaddr_in6 (28 bytes): 0 family, host | 2 port, network | 4 flow label  | 8 address[16] | 24 scope, host
 *
 * @param address a literal
 * @throws Error with code ENODEV for a scope that is no interface
 */
export function endpointBytes({ address, port }: Endpoint): Uint8Array {
  const [literal = '', scope] = address.split('%');
  const bytes = new Uint8Array(literal.includes(':') ? 28 : 16);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, port);
  if (bytes.length === 16) {
    view.setUint16(0, AF_INET, LITTLE);
    putIpv4(bytes, 4, literal);
    return bytes;
  }
  view.setUint16(0, AF_INET6, LITTLE);
  for (const [index, group] of groupsOf(literal).entries()) view.setUint16(8 + 2 * index, group);
  if (scope !== undefined) view.setUint32(24, scopeIndex(scope), LITTLE);
  return bytes;
}

/**
 * @param nameOf writes a scope
 * @throws RangeError for a family that is neither
 */
export function readEndpoint(view: DataView, offset: number, nameOf: (scope: number) => string = String): Endpoint {
  const family = view.getUint16(offset, LITTLE);
  const port = view.getUint16(offset + 2);
  if (family === AF_INET) {
    const byte = (index: number) => view.getUint8(offset + 4 + index);
    return { address: `${byte(0)}.${byte(1)}.${byte(2)}.${byte(3)}`, port };
  }
  if (family !== AF_INET6) throw new RangeError(`address family ${family} is neither IPv4 nor IPv6`);
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(offset + 8 + 2 * index));
  const scope = view.getUint32(offset + 24, LITTLE);
  return { address: formatGroups(groups) + (scope === 0 ? '' : `%${nameOf(scope)}`), port };
}

/** Digit by digit: each transfer has a socket to connect, and splitting costs more than that. */
function putIpv4(bytes: Uint8Array, offset: number, literal: string): void {
  let at = offset;
  let octet = 0;
  for (let index = 0; index < literal.length; index++) {
    const code = literal.charCodeAt(index);
    if (code !== DOT) octet = octet * 10 + code - ZERO;
    else {
      bytes[at++] = octet;
      octet = 0;
    }
  }
  bytes[at] = octet;
}

/** Eight groups of an IPv6 literal, which may end in a dotted IPv4 address. */
function groupsOf(literal: string): number[] {
  const plain = literal.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    const pair = (high: string, low: string) => (Number(high) * 256 + Number(low)).toString(16);
    return `${pair(a, b)}:${pair(c, d)}`;
  });
  const [head = '', tail] = plain.split('::');
  const parse = (text: string) => (text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16)));
  const [front, back] = [parse(head), parse(tail ?? '')];
  return [...front, ...new Array<number>(8 - front.length - back.length).fill(0), ...back];
}

/** RFC 5952 §4: lower case, the longest run of two or more zero groups as `::`, the first of equal ones. */
function formatGroups(groups: readonly number[]): string {
  let start = 0;
  let length = 1;
  for (let at = 0; at < 8; at++) {
    let end = at;
    while (end < 8 && groups[end] === 0) end++;
    if (end - at > length) [start, length] = [at, end - at];
  }
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (length < 2) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

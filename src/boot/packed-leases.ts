/**
 * Leases as the store hands them over: columns of numbers. A million of them as objects would take seconds and a gigabyte at
 * each start; as columns they are there at once, and one becomes an object when somebody asks for it.
 */
import { type Ipv4, ipv4FromNumber, ipv4ToNumber } from '../net/ipv4.ts';
import { type Mac, macFromNumber, macToNumber } from '../net/mac.ts';
import type { Lease, LeaseState } from './lease.ts';

/** The leases of one network; row n of each column is one lease. Can be sent between threads. */
export interface LeaseColumns {
  readonly network: string;
  readonly addresses: Uint32Array<ArrayBuffer>;
  /** 48-bit numbers. */
  readonly macs: Float64Array<ArrayBuffer>;
  /** Places in `LEASE_STATES`. */
  readonly states: Uint8Array<ArrayBuffer>;
  readonly startsAt: Float64Array<ArrayBuffer>;
  readonly expiresAt: Float64Array<ArrayBuffer>;
  /** 0 where it is not known. */
  readonly heardAt: Float64Array<ArrayBuffer>;
  /** UTF-16 of every row's client identifier, host name and port, a tab before the second and third; ends with the last there is. */
  readonly texts: Uint16Array<ArrayBuffer>;
  /** Where each row's text ends. */
  readonly textEnds: Uint32Array<ArrayBuffer>;
}

export const LEASE_STATES: readonly LeaseState[] = ['bound', 'released', 'declined'];

export interface PackedLeases extends Iterable<Lease> {
  readonly network: string;
  readonly size: number;
  has(address: number): boolean;
  find(address: number): Lease | undefined;
  /** The address a machine has or had last: of several the one it holds longest, declined ones left out. */
  addressOf(mac: Mac): number | undefined;
  /** Every address with the end of its lease, milliseconds since 1970, and whether it is bound; makes no objects. */
  eachLease(tell: (address: number, expiresAt: number, isBound: boolean) => void): void;
  /** Every address that was asked for through a port, with that. */
  eachPort(tell: (address: number, port: string) => void): void;
}

/** Everything on record, by network. */
export interface StoredLeases extends Iterable<Lease> {
  readonly byNetwork: ReadonlyMap<string, PackedLeases>;
}

const NO_ROW = -1;
const TAB = '\t';

export function indexLeases(columns: LeaseColumns): PackedLeases {
  const { network, addresses, macs, states, startsAt, expiresAt, heardAt, texts, textEnds } = columns;
  const declined = LEASE_STATES.indexOf('declined');
  const bound = LEASE_STATES.indexOf('bound');
  const size = addresses.length;
  const slots = 2 ** Math.ceil(Math.log2(Math.max(2 * size, 16)));
  const mask = slots - 1;
  /** Open addressing; a slot holds row + 1. */
  const byAddress = new Int32Array(slots);
  const byMac = new Int32Array(slots);

  for (let row = 0; row < size; row++) {
    let slot = mix(addresses[row] ?? 0) & mask;
    while (byAddress[slot] !== 0) slot = (slot + 1) & mask;
    byAddress[slot] = row + 1;
    if (states[row] === declined) continue;
    const mac = macs[row] ?? 0;
    slot = mixWide(mac) & mask;
    for (let other = (byMac[slot] ?? 0) - 1; other !== NO_ROW; other = (byMac[slot] ?? 0) - 1) {
      if (macs[other] === mac) break;
      slot = (slot + 1) & mask;
    }
    const holder = (byMac[slot] ?? 0) - 1;
    if (holder === NO_ROW || (expiresAt[holder] ?? 0) <= (expiresAt[row] ?? 0)) byMac[slot] = row + 1;
  }

  function rowOf(address: number): number {
    for (let slot = mix(address) & mask; ; slot = (slot + 1) & mask) {
      const row = (byAddress[slot] ?? 0) - 1;
      if (row === NO_ROW || addresses[row] === address) return row;
    }
  }

  function textsAt(row: number): string[] {
    const text = texts.subarray(row === 0 ? 0 : textEnds[row - 1], textEnds[row]);
    return String.fromCharCode(...text).split(TAB);
  }

  function leaseAt(row: number): Lease {
    const [clientId = '', hostname = '', port = ''] = textsAt(row);
    const heard = heardAt[row] ?? 0;
    return {
      network,
      address: ipv4FromNumber(addresses[row] ?? 0),
      mac: macFromNumber(macs[row] ?? 0),
      state: LEASE_STATES[states[row] ?? 0] ?? 'bound',
      startsAt: startsAt[row] ?? 0,
      expiresAt: expiresAt[row] ?? 0,
      ...(clientId !== '' && { clientId }),
      ...(hostname !== '' && { hostname }),
      ...(port !== '' && { port }),
      ...(heard !== 0 && { heardAt: heard }),
    };
  }

  return {
    network,
    size,
    has: (address) => rowOf(address) !== NO_ROW,
    find(address) {
      const row = rowOf(address);
      return row === NO_ROW ? undefined : leaseAt(row);
    },
    addressOf(mac) {
      const wanted = macToNumber(mac);
      for (let slot = mixWide(wanted) & mask; ; slot = (slot + 1) & mask) {
        const row = (byMac[slot] ?? 0) - 1;
        if (row === NO_ROW) return undefined;
        if (macs[row] === wanted) return addresses[row];
      }
    },
    eachLease(tell) {
      for (let row = 0; row < size; row++) tell(addresses[row] ?? 0, expiresAt[row] ?? 0, states[row] === bound);
    },
    eachPort(tell) {
      for (let row = 0; row < size; row++) {
        const [, , port] = textsAt(row);
        if (port !== undefined) tell(addresses[row] ?? 0, port);
      }
    },
    *[Symbol.iterator]() {
      for (let row = 0; row < size; row++) yield leaseAt(row);
    },
  };
}

/** One row an address: of two leases of one address the later stands. */
export function packLeases(network: string, leases: Iterable<Lease>): PackedLeases {
  const newest = new Map<Ipv4, Lease>();
  for (const lease of leases) newest.set(lease.address, lease);
  const writer = createColumnWriter(network, newest.size);
  for (const lease of newest.values()) writer.add(lease);
  return indexLeases(writer.done());
}

export interface ColumnWriter {
  /** At most as many times as was said. */
  add(lease: Omit<Lease, 'network'>): void;
  done(): LeaseColumns;
}

/** @param size how many leases will be added */
export function createColumnWriter(network: string, size: number): ColumnWriter {
  const addresses = new Uint32Array(size);
  const macs = new Float64Array(size);
  const states = new Uint8Array(size);
  const startsAt = new Float64Array(size);
  const expiresAt = new Float64Array(size);
  const heardAt = new Float64Array(size);
  const textEnds = new Uint32Array(size);
  let texts = new Uint16Array(32 * size);
  let row = 0;
  let used = 0;

  function write(text: string): void {
    if (used + text.length > texts.length) {
      const bigger = new Uint16Array(2 * texts.length + text.length);
      bigger.set(texts);
      texts = bigger;
    }
    for (let at = 0; at < text.length; at++) texts[used++] = text.charCodeAt(at);
  }

  return {
    add({
      address,
      mac,
      state,
      startsAt: from,
      expiresAt: until,
      heardAt: heard = 0,
      clientId = '',
      hostname = '',
      port = '',
    }) {
      addresses[row] = ipv4ToNumber(address);
      macs[row] = macToNumber(mac);
      states[row] = LEASE_STATES.indexOf(state);
      startsAt[row] = from;
      expiresAt[row] = until;
      heardAt[row] = heard;
      write(clientId);
      if (hostname !== '' || port !== '') write(TAB + hostname);
      if (port !== '') write(TAB + port);
      textEnds[row++] = used;
    },
    done: () => ({
      network,
      addresses,
      macs,
      states,
      startsAt,
      expiresAt,
      heardAt,
      texts: texts.slice(0, used),
      textEnds,
    }),
  };
}

/** Spreads neighbours apart: addresses and MACs come in rows. */
function mix(value: number): number {
  const once = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return once ^ (once >>> 15);
}

function mixWide(value: number): number {
  return mix(((value % 0x1_0000_0000) | 0) ^ Math.imul(Math.floor(value / 0x1_0000_0000), 0x9e3779b1));
}

/** Option 43 as PXE 2.1 §2.2.3 and appendix fill it: discovery, boot servers, menu, boot item. */
import { type Ipv4, ipv4FromBytes } from '../net/ipv4.ts';
import { bytes, hex32, ip, ips, joinBytes, listFrom, type Shape, u8, u16 } from './shape.ts';
import { type SubOptionTable, subOptionsOf } from './sub-options.ts';
import { quote, textFromBytes, textToBytes } from './text.ts';

/** Bits of 43.6. With `useFileNow` the firmware takes the file of the offer and asks nobody (PXE 2.1, table 2-1). */
export const DISCOVERY = { noBroadcast: 1, noMulticast: 2, onlyListedServers: 4, useFileNow: 8 } as const;

const DISCOVERY_WORDS = ['no broadcast', 'no multicast', 'only listed servers', 'use the file now'];

const discoveryControl: Shape<number> = {
  ...u8,
  kind: 'discovery-control',
  expects: 'a sum of 1 (no broadcast), 2 (no multicast), 4 (only listed servers), 8 (use the file now)',
  format: (value) => {
    const words = DISCOVERY_WORDS.filter((_, bit) => value & (1 << bit)).join(', ');
    return words ? `${value} (${words})` : String(value);
  },
};

/** 43.8: which servers answer for a boot item type. */
export interface BootServer {
  readonly type: number;
  readonly addresses: readonly Ipv4[];
}

export const bootServers: Shape<readonly BootServer[]> = {
  kind: 'boot-servers',
  expects: 'a list of { type: 1, addresses: [10.0.0.1] }',
  decode: (value) => {
    const servers: BootServer[] = [];
    for (let at = 0; at < value.length; ) {
      const type = u16.decode(value.subarray(at, at + 2));
      const count = value[at + 2];
      if (type === undefined || count === undefined || at + 3 + 4 * count > value.length) return undefined;
      const addresses = Array.from({ length: count }, (_, index) => ipv4FromBytes(value, at + 3 + 4 * index));
      servers.push({ type, addresses });
      at += 3 + 4 * count;
    }
    return servers.length > 0 ? servers : undefined;
  },
  encode: (value) =>
    encodeItems(value, (item) => {
      const type = u16.encode(field(item, 'type'));
      const listed = field(item, 'addresses');
      const addresses = Array.isArray(listed) && listed.length === 0 ? new Uint8Array() : ips.encode(listed);
      if (!type || !addresses || addresses.length > 255 * 4) return undefined;
      return Uint8Array.of(...type, addresses.length / 4, ...addresses);
    }),
  format: (value) => value.map(({ type, addresses }) => `type ${type} at ${addresses.join(' ') || 'any'}`).join(', '),
};

/** 43.9: one line of the firmware's menu; type 0 boots the local disk. */
export interface MenuItem {
  readonly type: number;
  readonly text: string;
}

export const bootMenu: Shape<readonly MenuItem[]> = {
  kind: 'boot-menu',
  expects: 'a list of { type: 0, text: Local disk }',
  decode: (value) => {
    const items: MenuItem[] = [];
    for (let at = 0; at < value.length; ) {
      const type = u16.decode(value.subarray(at, at + 2));
      const length = value[at + 2];
      if (type === undefined || length === undefined || at + 3 + length > value.length) return undefined;
      items.push({ type, text: textFromBytes(value.subarray(at + 3, at + 3 + length)) });
      at += 3 + length;
    }
    return items.length > 0 ? items : undefined;
  },
  encode: (value) =>
    encodeItems(value, (item) => {
      const type = u16.encode(field(item, 'type'));
      const label = field(item, 'text');
      const line = typeof label === 'string' ? textToBytes(label) : undefined;
      return type && line && line.length <= 255 ? Uint8Array.of(...type, line.length, ...line) : undefined;
    }),
  format: (value) => value.map((item) => `type ${item.type} ${quote(item.text)}`).join(', '),
};

/** 43.10: seconds until the first item is taken (0 at once, 255 never) and the line above the menu. */
export interface MenuPrompt {
  readonly timeoutSeconds: number;
  readonly text: string;
}

export const menuPrompt: Shape<MenuPrompt> = {
  kind: 'menu-prompt',
  expects: '{ timeoutSeconds: 10, text: Press F8 for the menu }',
  decode: (value) => {
    const [timeoutSeconds, ...rest] = value;
    return timeoutSeconds === undefined ? undefined : { timeoutSeconds, text: textFromBytes(Uint8Array.from(rest)) };
  },
  encode: (value) => {
    const timeout = u8.encode(field(value, 'timeoutSeconds'));
    const line = field(value, 'text');
    return timeout && typeof line === 'string' ? Uint8Array.of(...timeout, ...textToBytes(line)) : undefined;
  },
  format: ({ timeoutSeconds, text }) => {
    const wait = timeoutSeconds === 0 ? 'at once' : timeoutSeconds === 255 ? 'for ever' : `${timeoutSeconds} s`;
    return `${quote(text)} ${wait}`;
  },
};

/**
 * What the ROM of a Raspberry Pi looks for before it takes an answer: a menu of one line with this text, by which nobody is
 * asked. Order and prompt as in answers that ROMs of every age are known to take.
 */
export const RASPBERRY_PI_BOOT = {
  'discovery-control': DISCOVERY.noBroadcast | DISCOVERY.noMulticast,
  'menu-prompt': { timeoutSeconds: 0, text: 'PXE' },
  'boot-menu': [{ type: 0, text: 'Raspberry Pi Boot' }],
} as const;

/** 43.71: which item the client wants. Bit 15 of `layer` asks for credentials. */
export interface BootItem {
  readonly type: number;
  readonly layer: number;
}

export const bootItem: Shape<BootItem> = {
  kind: 'boot-item',
  expects: '{ type: 1, layer: 0 }',
  decode: (value) => {
    const type = u16.decode(value.subarray(0, 2));
    const layer = u16.decode(value.subarray(2));
    return type === undefined || layer === undefined ? undefined : { type, layer };
  },
  encode: (value) => {
    const type = u16.encode(field(value, 'type'));
    const layer = u16.encode(field(value, 'layer'));
    return type && layer && joinBytes([type, layer]);
  },
  format: ({ type, layer }) => `type ${type} (0x${type.toString(16).padStart(4, '0')}) layer ${layer}`,
};

/** PXE's sub-options of option 43. Other vendors use the same numbers otherwise: look at option 60 first. */
export const PXE_SUB_OPTIONS: SubOptionTable = {
  padded: true,
  closed: true,
  definitions: [
    { code: 1, name: 'mtftp-address', shape: ip },
    { code: 2, name: 'mtftp-client-port', shape: u16 },
    { code: 3, name: 'mtftp-server-port', shape: u16 },
    { code: 4, name: 'mtftp-timeout', shape: u8 },
    { code: 5, name: 'mtftp-delay', shape: u8 },
    { code: 6, name: 'discovery-control', shape: discoveryControl },
    { code: 7, name: 'discovery-address', shape: ip },
    { code: 8, name: 'boot-servers', shape: bootServers },
    { code: 9, name: 'boot-menu', shape: bootMenu },
    { code: 10, name: 'menu-prompt', shape: menuPrompt },
    { code: 11, name: 'multicast-allocation', shape: bytes },
    { code: 12, name: 'credential-types', shape: hex32 },
    { code: 71, name: 'boot-item', shape: bootItem },
  ],
};

export const pxeOptions = subOptionsOf('pxe-options', PXE_SUB_OPTIONS);

function encodeItems(value: unknown, encode: (item: unknown) => Uint8Array | undefined): Uint8Array | undefined {
  const items = listFrom(value).map(encode);
  return items.length > 0 && items.every((item) => item !== undefined) ? joinBytes(items) : undefined;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

/**
 * The operator's words for DHCP options: the names and configuration keys of the npm package `dhcp`, laid under our own
 * table, which corrects its wire types and adds what it lacks. Of the package only this table is used.
 */
import catalogue from 'dhcp/lib/options.js';
import { findNearest } from '../net/nearest.ts';
import { OPTION_TYPES, optionType } from './options.ts';
import { bytesFromHex, textToBytes } from './text.ts';

export interface OptionDefinition {
  readonly code: number;
  /** `tftp-server-name` */
  readonly name: string;
  /** For people: `TFTP server name`. */
  readonly label: string;
  /** The package's key: `tftpServer`. */
  readonly configKey?: string;
  /** `ip`, `text`, `routes` …; see `expects` for what to write. */
  readonly kind: string;
  /** Completes "must be …". */
  readonly expects: string;
  /** Why an operator cannot set it; absent when he can. */
  readonly reserved?: string;
}

export type NamedOption = { readonly code: number; readonly bytes: Uint8Array } | { readonly problem: string };

// The package numbers its own settings (1001 static, 1002 randomIP) like options.
const HIGHEST_CODE = 254;

const RESERVED: Readonly<Record<number, string>> = {
  50: 'only clients send it',
  51: 'set "leaseSeconds" of the network instead',
  52: 'it is written when a reply is too small for its options',
  53: 'it is the kind of the message',
  54: 'it is our own address on the network',
  55: 'only clients send it',
  57: 'only clients send it',
  61: 'it is copied from the client',
  82: 'it is copied from the relay',
};

// What people coming from dhcpd, dnsmasq and Kea write.
const ALIASES: Readonly<Record<string, number>> = {
  routers: 3,
  gateway: 3,
  'dns-server': 6,
  'domain-name-servers': 6,
  hostname: 12,
  mtu: 26,
  broadcast: 28,
  'static-routes': 33,
  'ntp-servers': 42,
  'vendor-encapsulated-options': 43,
  'netbios-name-servers': 44,
  'vendor-class-identifier': 60,
  'dhcp-client-identifier': 61,
  'tftp-server': 66,
  'next-server-name': 66,
  bootfile: 67,
  'boot-file-name': 67,
  filename: 67,
  'smtp-servers': 69,
  pcode: 100,
  tcode: 101,
  'v6-only-preferred': 108,
  'v4-captive-portal': 114,
  'default-url': 114,
  'domain-search-list': 119,
  'sip-servers': 120,
  'classless-static-routes': 121,
  'rfc3442-classless-static-routes': 121,
  vivso: 125,
  'capwap-ac': 138,
  'tftp-servers': 150,
  'tftp-server-addresses': 150,
  ipxe: 175,
  'iscsi-initiator-iqn': 203,
  'pxelinux-configfile': 209,
  'pxelinux-pathprefix': 210,
  'ms-classless-static-routes': 249,
  wpad: 252,
};

/** Every option an operator may name, by code. */
export const OPTION_DEFINITIONS: readonly OptionDefinition[] = OPTION_TYPES.map(({ code }) => define(code));

const BY_CODE = new Map(OPTION_DEFINITIONS.map((definition) => [definition.code, definition]));
const BY_WORD = indexWords();

/**
 * Finds an option by number (`150`, `"150"`), by our name (`tftp-server-name`), by the package's key (`tftpServer`) or
 * label (`TFTP server name`), or by a name other servers use (`routers`). Case, spaces and underscores do not matter.
 * Numbers 1–254 without a name are known too, as text or bytes.
 */
export function findOption(nameOrNumber: string | number): OptionDefinition | undefined {
  const word = normalise(String(nameOrNumber));
  if (!/^\d+$/.test(word)) return BY_WORD.get(word);
  const code = Number(word);
  if (code < 1 || code > HIGHEST_CODE) return undefined;
  return BY_CODE.get(code) ?? define(code);
}

/**
 * Turns what an operator wrote into the bytes of an option. Any option takes `{ hex: "01:02" }` and `{ text: "…" }`,
 * for devices that want something else than the standard says (option 150 as text).
 */
export function encodeNamedOption(nameOrNumber: string | number, value: unknown): NamedOption {
  const definition = findOption(nameOrNumber);
  if (!definition) return { problem: unknownOption(String(nameOrNumber)) };
  const { code, name, expects, reserved } = definition;
  const title = `option ${code} (${name})`;
  if (reserved) return { problem: `${title} cannot be set: ${reserved}` };
  const raw = rawBytes(value);
  if (raw) return raw.bytes ? { code, bytes: raw.bytes } : { problem: `${title}: ${raw.problem}` };
  const bytes = optionType(code).shape.encode(value);
  return bytes ? { code, bytes } : { problem: `${title} must be ${expects}; ${describe(value)} is not` };
}

function define(code: number): OptionDefinition {
  const { name, shape } = optionType(code);
  const packaged = catalogue.opts[code];
  const configKey = packaged?.config ?? packaged?.attr;
  const reserved = RESERVED[code];
  return {
    code,
    name,
    label: packaged?.name ?? sentence(name),
    ...(configKey && { configKey }),
    kind: shape.kind,
    expects: shape.expects,
    ...(reserved && { reserved }),
  };
}

// Our own names win over the package's, and both over the aliases.
function indexWords(): ReadonlyMap<string, OptionDefinition> {
  const words = new Map<string, OptionDefinition>();
  for (const [alias, code] of Object.entries(ALIASES)) {
    const definition = BY_CODE.get(code);
    if (definition) words.set(alias, definition);
  }
  for (const definition of OPTION_DEFINITIONS) {
    words.set(normalise(definition.label), definition);
    if (definition.configKey) words.set(normalise(definition.configKey), definition);
  }
  for (const definition of OPTION_DEFINITIONS) words.set(definition.name, definition);
  return words;
}

function rawBytes(value: unknown): { readonly bytes?: Uint8Array; readonly problem?: string } | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const [[key, content] = [], ...rest] = Object.entries(value);
  if (rest.length > 0 || (key !== 'hex' && key !== 'text')) return undefined;
  if (typeof content !== 'string') return { problem: `"${key}" must be a text in quotes` };
  if (key === 'text') return { bytes: textToBytes(content) };
  const bytes = bytesFromHex(content);
  return bytes ? { bytes } : { problem: `"hex" must be pairs of hex digits such as "01:02:03"; "${content}" is not` };
}

function unknownOption(asked: string): string {
  const number = /^\d+$/.test(asked.trim());
  if (number) return `${asked.trim()} is not an option number: they go from 1 to ${HIGHEST_CODE}`;
  const nearest = nearestWord(normalise(asked));
  const suggestion = nearest
    ? ` Did you mean "${nearest}"?`
    : ' Use a number from 1 to 254 for an option without a name.';
  return `"${asked}" is not an option.${suggestion}`;
}

function nearestWord(asked: string): string | undefined {
  const word = findNearest(asked, BY_WORD.keys());
  const configKey = word && BY_WORD.get(word)?.configKey;
  return configKey && normalise(configKey) === word ? configKey : word;
}

function normalise(word: string): string {
  return word
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, '-');
}

function sentence(name: string): string {
  const words = name.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function describe(value: unknown): string {
  const written = JSON.stringify(value) ?? String(value);
  return written.length > 60 ? `${written.slice(0, 57)}…` : written;
}

/** DHCP options of other servers → the fields of a network, or `options` as Hobnail writes them. */
import { parseIpv4 } from '../net/ipv4.ts';
import type { CheckOption } from './draft.ts';

export interface OptionsDraft {
  /** Fields of a network: `router`, `dns`, `domain`, `ntp`. */
  readonly fields: Map<string, unknown>;
  /** Everything else, for `options`. */
  readonly options: Map<string, unknown>;
}

export function createOptionsDraft(): OptionsDraft {
  return { fields: new Map(), options: new Map() };
}

/** What other servers call the options that have a field of their own here; all take the RFC's number as well. */
const FIELDS: Readonly<Record<string, 'router' | 'dns' | 'domain' | 'ntp'>> = {
  3: 'router',
  router: 'router',
  routers: 'router',
  6: 'dns',
  'dns-server': 'dns',
  'domain-name-servers': 'dns',
  15: 'domain',
  'domain-name': 'domain',
  42: 'ntp',
  'ntp-server': 'ntp',
  'ntp-servers': 'ntp',
};

/** Names that differ from those of the IANA registry, in which Hobnail's vocabulary is written. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  'tftp-server': '66',
  'tftp-server-name': '66',
  'boot-file-name': '67',
  'bootfile-name': '67',
  bootfile: '67',
  'tftp-server-address': '150',
  'host-name': '12',
  hostname: '12',
  mtu: '26',
  'interface-mtu': '26',
  'domain-search': '119',
  'log-servers': '7',
  'log-server': '7',
  'time-offset': '2',
  'netbios-name-servers': '44',
  'netbios-ns': '44',
  'root-path': '17',
  'vendor-class-identifier': '60',
  'vendor-encapsulated-options': '43',
  'static-route': '33',
  'classless-static-route': '121',
};

/** Follow from the subnet and the lease; a server that sends them by itself need not be told. */
const BY_ITSELF: Readonly<Record<string, string>> = {
  1: 'the subnet says it',
  netmask: 'the subnet says it',
  'subnet-mask': 'the subnet says it',
  28: 'the subnet says it',
  broadcast: 'the subnet says it',
  'broadcast-address': 'the subnet says it',
  51: 'leaseSeconds says it',
  'dhcp-lease-time': 'leaseSeconds says it',
  54: 'Hobnail names itself',
  'dhcp-server-identifier': 'Hobnail names itself',
};

/**
 * Takes one option over; the reason when it cannot.
 * @param values as they stood between commas, without quotes
 */
export function takeOption(
  draft: OptionsDraft,
  name: string,
  values: readonly string[],
  checkOption: CheckOption,
): string | undefined {
  const because = own(BY_ITSELF, name);
  if (because !== undefined) return `not needed: ${because}`;
  const field = own(FIELDS, name);
  if (field !== undefined) return takeField(draft, field, values);
  const key = own(OTHER_NAMES, name) ?? name;
  const reasons: string[] = [];
  for (const value of candidates(values)) {
    const problem = checkOption(key, value);
    if (problem === undefined) {
      draft.options.set(key, value);
      return undefined;
    }
    reasons.push(problem);
  }
  return reasons[0] ?? 'it has no value';
}

/** The values in every form the vocabulary may want; the first that it takes is right. */
function candidates(values: readonly string[]): readonly unknown[] {
  if (values.length === 0) return [];
  const numbers = values.map((value) => (/^-?\d+$/.test(value) ? Number(value) : value));
  const joined = values.join(',');
  const hex = /^(?:[0-9a-f]{1,2}:)+[0-9a-f]{1,2}$/i.test(joined);
  return [
    ...(hex ? [{ hex: joined }] : []),
    ...(values.length === 1 ? [numbers[0], values[0]] : []),
    values,
    numbers,
    joined,
    ...(/^(?:true|on|1)$/.test(joined) ? [true] : /^(?:false|off|0)$/.test(joined) ? [false] : []),
  ];
}

function takeField(draft: OptionsDraft, field: string, values: readonly string[]): string | undefined {
  if (field === 'domain') {
    draft.fields.set(field, values[0]);
    return undefined;
  }
  const addresses = values.map((value) => parseIpv4(value));
  const wrong = values.find((_, index) => addresses[index] === undefined);
  if (wrong !== undefined) return `"${wrong}" is no IPv4 address; write the address`;
  draft.fields.set(field, field === 'router' ? addresses[0] : addresses);
  return field === 'router' && values.length > 1 ? 'only the first router is kept' : undefined;
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** dhcpd.conf of ISC DHCP → networks and hosts. */
import { formatCidr, parseCidr, parseIpv4, prefixOfNetmask } from '../net/ipv4.ts';
import { createOptionsDraft, type OptionsDraft, takeOption } from './dhcp-options.ts';
import { type CheckOption, createDraft, type Draft, type ImportResult, type SourceFile, toMac } from './draft.ts';
import { parseIsc, type Statement } from './isc-syntax.ts';
import { loaderOf } from './loader-names.ts';

/** What holds inside a block, inherited by the blocks in it. */
interface Scope {
  readonly options: OptionsDraft;
  readonly leaseSeconds: number | undefined;
  readonly authoritative: boolean;
}

const NOT_NEEDED: Readonly<Record<string, string>> = {
  'ddns-update-style': 'Hobnail updates no DNS',
  'ddns-updates': 'Hobnail updates no DNS',
  'ddns-domainname': 'Hobnail updates no DNS',
  'update-static-leases': 'Hobnail updates no DNS',
  'log-facility': 'the settings have log',
  'lease-file-name': 'leases are kept in data/',
  'pid-file-name': 'a service manager does that',
  'min-lease-time': 'clients get what they ask for, up to leaseSeconds',
  'default-lease-time': 'max-lease-time says it',
  'use-host-decl-names': 'a host is told its name',
  'get-lease-hostnames': 'a host is told its name',
  'ping-check': 'an address that is in use is found by DECLINE',
  'server-identifier': 'Hobnail names itself',
  allow: 'Hobnail answers boot clients',
  'omapi-port': 'Hobnail has its own API',
  'one-lease-per-client': 'a machine holds one lease a network',
};

/** @param files in the order they are read */
export function importIsc(files: readonly SourceFile[], checkOption: CheckOption): ImportResult {
  const draft = createDraft();
  const root: Scope = { options: createOptionsDraft(), leaseSeconds: undefined, authoritative: false };
  readBlock(files.flatMap(parseIsc), root, draft, checkOption);
  return draft.result();
}

function readBlock(statements: readonly Statement[], outer: Scope, draft: Draft, check: CheckOption): void {
  const scope = scopeOf(statements, outer, draft, check);
  for (const statement of statements) {
    const [word = '', second = ''] = statement.words;
    if (!statement.body) continue;
    switch (word) {
      case 'subnet':
        readSubnet(statement, scope, draft, check);
        break;
      case 'host':
        readHost(statement, draft, check);
        break;
      case 'shared-network':
        draft.note(`shared-network ${second}: its subnets become networks of their own`);
        readBlock(statement.body, scope, draft, check);
        break;
      case 'group':
        readBlock(statement.body, scope, draft, check);
        break;
      case 'pool':
        break;
      default:
        draft.skip(statement, words(statement), blockReason(word));
    }
  }
}

function blockReason(word: string): string {
  if (word === 'class' || word === 'subclass') return 'a group can select by class, vendor or MAC prefix';
  if (word === 'if' || word === 'elsif' || word === 'else') {
    return 'conditions are not run: the architecture chooses the loader, and iPXE is known by itself';
  }
  if (word === 'subnet6') return 'Hobnail does not answer DHCPv6';
  if (word === 'key' || word === 'zone') return 'Hobnail updates no DNS';
  if (word === 'failover') return 'Hobnail has no failover; one server gives an address';
  return `"${word}" has no counterpart`;
}

/** Statements that hold for a whole block. */
function scopeOf(statements: readonly Statement[], outer: Scope, draft: Draft, check: CheckOption): Scope {
  const options: OptionsDraft = {
    fields: new Map(outer.options.fields),
    options: new Map(outer.options.options),
  };
  let { leaseSeconds, authoritative } = outer;
  for (const statement of statements) {
    const [word = '', ...values] = statement.words;
    if (statement.body) continue;
    const skip = (why: string) => draft.skip(statement, words(statement), why);
    switch (word) {
      case 'option':
        readOption(options, values, check, skip);
        break;
      case 'max-lease-time':
        leaseSeconds = Math.min(31_536_000, Math.max(60, Number(values[0]) || 3600));
        break;
      case 'authoritative':
        authoritative = true;
        break;
      case 'not':
        break;
      case 'range':
      case 'hardware':
      case 'fixed-address':
        break;
      case 'filename':
      case 'next-server':
      case 'server-name':
        skip(bootReason(word, values[0] ?? ''));
        break;
      case 'include':
        skip('name that file as well');
        break;
      case 'deny':
      case 'ignore':
        skip('"unknown" of a network, or policy of a host, says whom Hobnail ignores');
        break;
      default:
        skip(Object.hasOwn(NOT_NEEDED, word) ? `not needed: ${NOT_NEEDED[word]}` : `"${word}" has no counterpart`);
    }
  }
  return { options, leaseSeconds, authoritative };
}

function readSubnet(statement: Statement, outer: Scope, draft: Draft, check: CheckOption): void {
  const [, address = '', , mask = ''] = statement.words;
  const prefix = prefixOfNetmask(parseIpv4(mask) ?? ('0.0.0.0' as never));
  const subnet = prefix === undefined ? undefined : parseCidr(`${address}/${prefix}`);
  if (!subnet) {
    draft.skip(statement, words(statement), 'it is no IPv4 subnet with a netmask');
    return;
  }
  const body = statement.body ?? [];
  const scope = scopeOf(body, outer, draft, check);
  const pools = rangesOf(body, draft);
  const { fields, options } = scope.options;
  const document = {
    subnet: formatCidr(subnet),
    mode: 'server',
    ...(pools.length > 0 && { pools }),
    ...Object.fromEntries(fields),
    ...(scope.leaseSeconds !== undefined && { leaseSeconds: scope.leaseSeconds }),
    ...(scope.authoritative && { authoritative: true }),
    ...(options.size > 0 && { options: Object.fromEntries(options) }),
  };
  draft.network(`net-${address}`.replaceAll('.', '-'), document, statement);
  readBlock(
    body.filter((one) => one.body !== undefined && one.words[0] !== 'pool'),
    scope,
    draft,
    check,
  );
}

/** Ranges of a subnet and of the pools in it. */
function rangesOf(body: readonly Statement[], draft: Draft): readonly string[] {
  return body.flatMap((statement) => {
    const [word, ...values] = statement.words;
    if (word === 'pool') {
      for (const rule of statement.body ?? []) {
        if (rule.words[0] !== 'range') draft.skip(rule, words(rule), 'pools are for every machine of the network');
      }
      return rangesOf(
        (statement.body ?? []).filter((one) => one.words[0] === 'range'),
        draft,
      );
    }
    if (word !== 'range') return [];
    const [first, last = first] = values.filter((value) => value !== 'dynamic-bootp');
    return first === undefined ? [] : [`${first}-${last}`];
  });
}

function readHost(statement: Statement, draft: Draft, check: CheckOption): void {
  const [, name] = statement.words;
  const body = statement.body ?? [];
  const hardware = body.find(({ words: [word] }) => word === 'hardware');
  const mac = hardware?.words[1] === 'ethernet' ? toMac(hardware.words[2] ?? '') : undefined;
  if (!mac) {
    draft.skip(statement, words(statement), 'it names no Ethernet address, and a host is known by its MAC');
    return;
  }
  const host = draft.host(mac, name, statement);
  const options = createOptionsDraft();
  for (const one of body) {
    const [word = '', ...values] = one.words;
    const skip = (why: string) => draft.skip(one, words(one), why);
    if (word === 'hardware') continue;
    else if (word === 'fixed-address') {
      const address = parseIpv4(values[0] ?? '');
      if (address) host.fields.set('address', address);
      else skip('names are not looked up; write the address');
      if (values.length > 1) skip('one reserved address a host');
    } else if (word === 'option' && values[0] === 'host-name') host.fields.set('hostname', values[1]);
    else if (word === 'option') readOption(options, values, check, skip);
    else if (word === 'filename' && loaderOf(values[0] ?? '')) host.fields.set('loader', loaderOf(values[0] ?? ''));
    else if (word === 'filename' || word === 'next-server' || word === 'server-name')
      skip(bootReason(word, values[0] ?? ''));
    else if (word === 'deny' && values[0] === 'booting') host.fields.set('policy', 'ignore');
    else skip(`"${word}" has no counterpart for a host`);
  }
  for (const field of options.fields.keys()) {
    draft.skip(statement, `option of ${field}`, `${field} is a setting of the network, not of one host`);
  }
  if (options.options.size > 0) host.fields.set('options', Object.fromEntries(options.options));
}

function readOption(
  into: OptionsDraft,
  values: readonly string[],
  check: CheckOption,
  skip: (why: string) => void,
): void {
  const [name = '', ...given] = values;
  // `option space …`, `option x code 150 = …` define names; Hobnail's vocabulary has the registered ones.
  if (name === 'space' || given[0] === 'code') {
    skip('it defines an option; the registered ones are known by number');
    return;
  }
  if (name.includes('.')) {
    skip('sub-options of a vendor are written in hex: options: { 43: { hex: … } }');
    return;
  }
  const problem = takeOption(into, name, given, check);
  if (problem !== undefined) skip(problem);
}

function bootReason(word: string, value: string): string {
  if (word === 'next-server')
    return 'not needed: Hobnail serves the files itself; serverAddress of a network names another address';
  if (word === 'server-name') return 'not needed: Hobnail names itself';
  if (loaderOf(value))
    return 'not needed: the loader follows from the architecture; "loader" of a profile or host picks another';
  return `${value} is no loader Hobnail knows; options: { 66: …, 67: … } can name it`;
}

function words(statement: Statement): string {
  return `${statement.words.join(' ')}${statement.body ? ' { … }' : ';'}`;
}

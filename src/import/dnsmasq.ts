/** dnsmasq configuration → networks and hosts. What it says of DNS is not Hobnail's and is reported as such. */
import { formatCidr, parseCidr, parseIpv4, prefixOfNetmask } from '../net/ipv4.ts';
import { createOptionsDraft, type OptionsDraft, takeOption } from './dhcp-options.ts';
import { type CheckOption, createDraft, type Draft, type ImportResult, type SourceFile, toMac } from './draft.ts';
import { loaderOf } from './loader-names.ts';

interface Line {
  readonly file: string;
  readonly line: number;
  readonly raw: string;
  readonly key: string;
  readonly value: string;
}

interface Range {
  readonly line: Line;
  readonly tags: readonly string[];
  readonly document: Map<string, unknown>;
  readonly options: OptionsDraft;
}

const DNS =
  /^(?:address|server|local|domain-needed|bogus-priv|no-resolv|no-hosts|no-poll|resolv-file|cache-size|addn-hosts|expand-hosts|listen-address|port|cname|host-record|txt-record|srv-host|mx-host|ptr-record|strict-order|all-servers|rebind.*|stop-dns-rebind|dnssec.*|trust-anchor|localise-queries|filterwin2k|edns.*|min-cache-ttl|max-ttl|local-ttl|neg-ttl|auth-.*|log-queries|query-port|naptr-record|conntrack|selfmx|localmx|mx-target|alias|bogus-nxdomain|ipset|nftset|dns-.*|interface-name|synth-domain|no-negcache|rev-server|local-service|except-interface|no-dhcp-interface|auth-zone)$/;

const NOT_NEEDED: Readonly<Record<string, string>> = {
  'log-dhcp': 'every decision is logged',
  'log-facility': 'the settings have log',
  'log-async': 'logging never waits',
  'dhcp-leasefile': 'leases are kept in data/',
  'dhcp-lease-max': 'the pools say how many',
  'bind-interfaces': 'sockets are bound to their interface',
  'bind-dynamic': 'interfaces are followed as they come and go',
  'enable-tftp': 'TFTP is on',
  'tftp-no-fail': 'a door that cannot open is reported and the rest works on',
  'tftp-secure': 'no path leads out of the files',
  'tftp-lowercase': 'templates/routes.yaml has ignoreCase',
  'dhcp-no-override': 'options are sent as options',
  'dhcp-rapid-commit': 'it is for machines without boot ROMs',
  'dhcp-sequential-ip': 'addresses are given in order',
  'pxe-prompt': 'the menu is a template',
  'keep-in-foreground': 'a service manager does that',
  user: 'a service manager does that',
  group: 'a service manager does that',
  'pid-file': 'a service manager does that',
};

const HAS_COUNTERPART: Readonly<Record<string, string>> = {
  'dhcp-match': 'classes are told apart by the architecture table; profiles and groups say the rest',
  'dhcp-vendorclass': 'classes are told apart by the architecture table; a group can select by class',
  'dhcp-userclass': 'iPXE is known by its user class without being told',
  'dhcp-mac': 'a group can select by MAC prefix',
  'dhcp-circuitid': 'a group can select by relay circuit',
  'dhcp-remoteid': 'a group can select by relay circuit',
  'tag-if': 'groups have priorities instead of tags',
  'dhcp-script': 'events are at the API, /events',
  'dhcp-relay': 'Hobnail is no relay',
  'dhcp-hostsfile': 'name that file as well',
  'dhcp-optsfile': 'name that file as well',
  'conf-file': 'name that file as well',
  'conf-dir': 'name the files in it as well',
  'tftp-root': 'run "hobnail import tftpboot" on that directory',
  'tftp-unique-root': 'file routes give each machine its own files',
  'tftp-port-range': 'the settings have tftp.portRange',
  'tftp-max': 'the settings have tftp.transfersMax',
  'tftp-mtu': 'the settings have tftp.blksizeMax and fitMtu',
  'tftp-no-blocksize': 'the settings have tftp.disable: [blksize]',
  'tftp-single-port': 'the settings have tftp.singlePort',
  'dhcp-alternate-port': 'Hobnail answers on ports 67 and 4011 only',
};

/** @param files in the order they are read */
export function importDnsmasq(files: readonly SourceFile[], checkOption: CheckOption): ImportResult {
  const draft = createDraft();
  const lines = files.flatMap(linesOf);
  const interfaces: string[] = [];
  const ranges: Range[] = [];
  const general = createOptionsDraft();
  const tagged: { readonly tags: readonly string[]; readonly line: Line; readonly words: readonly string[] }[] = [];
  const shared = new Map<string, unknown>();

  for (const line of lines) {
    const { key, value, raw } = line;
    const skip = (why: string) => draft.skip(line, raw, why);
    switch (key) {
      case 'interface':
        interfaces.push(...value.split(','));
        break;
      case 'dhcp-range':
        readRange(line, ranges, draft);
        break;
      case 'dhcp-host':
        readHost(line, draft);
        break;
      case 'dhcp-option':
      case 'dhcp-option-force': {
        const { tags, words } = splitTags(value);
        if (tags.length > 0) tagged.push({ tags, line, words });
        else readOption(general, words, checkOption, skip);
        break;
      }
      case 'dhcp-boot':
      case 'pxe-service':
        readBoot(line, draft);
        break;
      case 'domain':
        general.fields.set('domain', value.split(',')[0]);
        break;
      case 'dhcp-authoritative':
        shared.set('authoritative', true);
        break;
      case 'dhcp-ignore':
        if (/^tag:!known$/.test(value)) shared.set('unknown', 'ignore');
        else skip('a host or group with policy ignore says it');
        break;
      default:
        skip(reasonFor(key));
    }
  }

  for (const { tags, line, words } of tagged) {
    const range = ranges.find((one) => one.tags.some((tag) => tags.includes(tag)));
    const skip = (why: string) => draft.skip(line, line.raw, why);
    if (range) readOption(range.options, words, checkOption, skip);
    else skip(`no dhcp-range sets ${tags.join(', ')}; options of a profile, group or host say it`);
  }
  writeNetworks(ranges, interfaces, general, shared, draft);
  return draft.result();
}

function linesOf({ path, text }: SourceFile): readonly Line[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const line = raw.replace(/(?:^|\s)#.*$/, '').trim();
    const [, key = '', value = ''] = /^([\w-]+)\s*(?:=\s*(.*))?$/s.exec(line) ?? [];
    if (line === '') return [];
    return [{ file: path, line: index + 1, raw, key: key === '' ? line : key, value }];
  });
}

function reasonFor(key: string): string {
  if (Object.hasOwn(NOT_NEEDED, key)) return `not needed: ${NOT_NEEDED[key]}`;
  if (Object.hasOwn(HAS_COUNTERPART, key)) return HAS_COUNTERPART[key] ?? '';
  if (DNS.test(key)) return 'Hobnail is no DNS server';
  if (/^(?:ra-param|enable-ra|dhcp-.*6|slaac)/.test(key)) return 'Hobnail does not answer DHCPv6';
  return `"${key}" has no counterpart`;
}

/** `tag:a,set:b,rest…` → the tags and what is left. */
function splitTags(value: string): { readonly tags: readonly string[]; readonly words: readonly string[] } {
  const words = value.split(',').map((word) => word.trim());
  const tags = words.flatMap((word) => /^(?:tag|net|set):(.+)$/.exec(word)?.[1] ?? []);
  return { tags, words: words.filter((word) => !/^(?:tag|net|set):/.test(word)) };
}

function readRange(line: Line, ranges: Range[], draft: Draft): void {
  const { tags, words } = splitTags(line.value);
  const rest = words.filter((word) => !/^(?:interface|constructor):/.test(word));
  const [first = '', second = ''] = rest;
  const start = parseIpv4(first);
  if (!start) {
    draft.skip(line, line.raw, first.includes(':') ? 'Hobnail does not answer DHCPv6' : 'no IPv4 range');
    return;
  }
  const end = parseIpv4(second);
  const mask = rest
    .slice(1)
    .map((word) => parseIpv4(word))
    .find((ip) => ip && /^(?:255|254|252|248|240|224|192|128)\./.test(ip));
  const prefix = mask === undefined ? 24 : (prefixOfNetmask(mask) ?? 24);
  const subnet = parseCidr(`${start}/${prefix}`);
  if (mask === undefined) {
    draft.note(`${line.file}:${line.line}: no netmask is given; /24 is assumed. dnsmasq takes it from the interface`);
  }
  const lease = rest.map(leaseSeconds).find((seconds) => seconds !== undefined);
  const proxy = second === 'proxy';
  const isStatic = second === 'static';
  const document = new Map<string, unknown>([
    ['subnet', subnet ? formatCidr(subnet) : `${start}/${prefix}`],
    ['mode', proxy ? 'proxy' : 'server'],
    ...(!proxy && !isStatic && end ? [['pools', [`${start}-${end}`]] as const] : []),
    ...(lease !== undefined && !proxy ? [['leaseSeconds', lease] as const] : []),
  ]);
  const same = ranges.find(({ document: other }) => other.get('subnet') === document.get('subnet'));
  if (same) {
    const pools = [
      ...((same.document.get('pools') as string[] | undefined) ?? []),
      ...((document.get('pools') as string[]) ?? []),
    ];
    if (pools.length > 0) same.document.set('pools', pools);
    ranges[ranges.indexOf(same)] = { ...same, tags: [...same.tags, ...tags] };
  } else ranges.push({ line, tags, document, options: createOptionsDraft() });
}

/** `12h`, `45m`, `3600`, `infinite` → seconds within Hobnail's limits. */
function leaseSeconds(word: string): number | undefined {
  if (word === 'infinite') return 31_536_000;
  const [, number, unit] = /^(\d+)([smhdw]?)$/.exec(word) ?? [];
  if (number === undefined) return undefined;
  const factor = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 }[unit || 's'] ?? 1;
  return Math.min(31_536_000, Math.max(60, Number(number) * factor));
}

function readHost(line: Line, draft: Draft): void {
  const { tags, words } = splitTags(line.value);
  const macs = words.flatMap((word) => toMac(word) ?? []);
  const address = words.map((word) => parseIpv4(word)).find((ip) => ip !== undefined);
  const ignored = words.includes('ignore');
  const name = words.find(
    (word) =>
      /^[A-Za-z][\w.-]*$/.test(word) &&
      word !== 'ignore' &&
      word !== 'infinite' &&
      !toMac(word) &&
      leaseSeconds(word) === undefined,
  );
  const [mac] = macs;
  if (mac === undefined) {
    const why = words.some((word) => word.includes('*'))
      ? 'a group can select by MAC prefix'
      : 'a host is known by its MAC';
    draft.skip(line, line.raw, `it names no whole MAC; ${why}`);
    return;
  }
  const host = draft.host(mac, name, line);
  for (const other of macs) host.macs.add(other);
  if (address !== undefined) host.fields.set('address', address);
  if (ignored) host.fields.set('policy', 'ignore');
  if (tags.length > 0) host.fields.set('labels', Object.fromEntries(tags.map((tag) => [tag, 'true'])));
  for (const word of words.filter((word) => /^id:/.test(word))) {
    draft.skip(line, word, 'hosts are known by MAC, UUID or serial, not by client identifier');
  }
}

function readOption(
  into: OptionsDraft,
  words: readonly string[],
  check: CheckOption,
  skip: (why: string) => void,
): void {
  const [first = '', ...values] = words;
  if (/^option6:|^6:/.test(first)) {
    skip('Hobnail does not answer DHCPv6');
    return;
  }
  if (/^(?:encap|vi-encap|vendor):/.test(first)) {
    skip('sub-options of a vendor are written in hex: options: { 43: { hex: … } }');
    return;
  }
  const name = first.replace(/^option:/, '');
  // dnsmasq writes 0.0.0.0 for "this machine".
  if (values.includes('0.0.0.0')) {
    skip('0.0.0.0 stands for dnsmasq itself; write the address');
    return;
  }
  const problem = takeOption(
    into,
    name,
    values.map((value) => value.replace(/^"(.*)"$/, '$1')),
    check,
  );
  if (problem !== undefined) skip(problem);
}

function readBoot(line: Line, draft: Draft): void {
  const { words } = splitTags(line.value);
  const isService = line.key === 'pxe-service';
  const file = isService ? (words[2] ?? '') : (words[0] ?? '');
  const server = isService ? words[3] : words[2];
  if (server) {
    draft.skip(
      line,
      line.raw,
      'it sends machines to another server; point that server at nothing, or leave it to answer them',
    );
  } else if (/^https?:\/\/|\.ipxe$/.test(file)) {
    draft.skip(line, line.raw, 'iPXE gets its script by itself; a "chain" profile can name this one');
  } else if (loaderOf(`${file}${isService && !/\.\w+$/.test(file) ? '.0' : ''}`)) {
    draft.skip(
      line,
      line.raw,
      'not needed: the loader follows from the architecture; "loader" of a host or profile picks another',
    );
  } else {
    draft.skip(line, line.raw, `${file || 'this'} is no loader Hobnail knows; options: { 66: …, 67: … } can name it`);
  }
}

function writeNetworks(
  ranges: readonly Range[],
  interfaces: readonly string[],
  general: OptionsDraft,
  shared: ReadonlyMap<string, unknown>,
  draft: Draft,
): void {
  for (const [index, { line, tags, document, options }] of ranges.entries()) {
    // Several networks on one wire are told apart by their subnets.
    const one = interfaces.length === 1 && ranges.length === 1 ? interfaces[0] : undefined;
    const all = new Map([...general.options, ...options.options]);
    const fields = new Map([...general.fields, ...options.fields]);
    const proxy = document.get('mode') === 'proxy';
    const whole = {
      ...(one !== undefined && { interface: one }),
      ...Object.fromEntries(document),
      ...(!proxy && Object.fromEntries(fields)),
      ...Object.fromEntries(proxy ? [...shared].filter(([key]) => key === 'unknown') : shared),
      ...(all.size > 0 && { options: Object.fromEntries(all) }),
    };
    draft.network(tags[0] ?? one ?? (index === 0 ? 'lan' : `lan-${index + 1}`), whole, line);
  }
  if (ranges.length > 0 && interfaces.length > 1) {
    draft.note(`dnsmasq listens on ${interfaces.join(', ')}; each network here is found by its subnet instead`);
  }
}

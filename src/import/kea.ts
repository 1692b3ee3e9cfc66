/** Kea's DHCPv4 configuration → networks and hosts. */
import { parseIpv4 } from '../net/ipv4.ts';
import { createOptionsDraft, type OptionsDraft, takeOption } from './dhcp-options.ts';
import { type CheckOption, createDraft, type Draft, type ImportResult, type SourceFile, toMac } from './draft.ts';
import { field, itemsOf, type Json, readJson, textOf } from './json.ts';
import { loaderOf } from './loader-names.ts';

const ROOT_FIELDS: Readonly<Record<string, string | undefined>> = {
  'interfaces-config': undefined,
  'option-data': undefined,
  subnet4: undefined,
  'shared-networks': undefined,
  reservations: undefined,
  'valid-lifetime': undefined,
  authoritative: undefined,
  'max-valid-lifetime': undefined,
  'lease-database': 'not needed: leases are kept in data/',
  'hosts-database': 'not needed: a host is a file',
  'control-socket': 'not needed: Hobnail has its own API',
  loggers: 'not needed: the settings have log',
  'renew-timer': 'not needed: it is half of the lease',
  'rebind-timer': 'not needed: it is seven eighths of the lease',
  'expired-leases-processing': 'not needed: leases end by themselves',
  'client-classes': 'the architecture chooses the loader; a group can select by class',
  'option-def': 'the registered options are known by number',
  'hooks-libraries': 'Hobnail loads no foreign code',
  'dhcp-ddns': 'Hobnail updates no DNS',
  'next-server': 'not needed: Hobnail serves the files itself',
  'boot-file-name': 'not needed: the loader follows from the architecture',
  'server-hostname': 'not needed: Hobnail names itself',
  'reservations-global': 'not needed: a host holds on every network',
  'host-reservation-identifiers': 'not needed: hosts are known by MAC, UUID or serial',
};

export function importKea(files: readonly SourceFile[], checkOption: CheckOption): ImportResult {
  const draft = createDraft();
  for (const file of files) {
    const reading = readJson(file.text);
    if ('problem' in reading) {
      draft.skip({ file: file.path, line: reading.line }, file.path, `it is no JSON: ${reading.problem}`);
      continue;
    }
    const root = field(reading.json, 'Dhcp4');
    if (root?.kind !== 'object') draft.skip({ file: file.path, line: 1 }, file.path, 'it has no Dhcp4');
    else readRoot(root, file.path, draft, checkOption);
  }
  return draft.result();
}

function readRoot(root: Json & { kind: 'object' }, file: string, draft: Draft, check: CheckOption): void {
  for (const [name, value] of root.fields) {
    if (!Object.hasOwn(ROOT_FIELDS, name)) draft.skip({ file, line: value.line }, name, `"${name}" has no counterpart`);
    else if (ROOT_FIELDS[name] !== undefined) draft.skip({ file, line: value.line }, name, ROOT_FIELDS[name]);
  }
  const general = optionsOf(root, file, draft, check, createOptionsDraft());
  const interfaces = itemsOf(field(field(root, 'interfaces-config'), 'interfaces')).map(textOf);
  const subnets = [
    ...itemsOf(field(root, 'subnet4')),
    ...itemsOf(field(root, 'shared-networks')).flatMap((shared) => {
      draft.note(`shared network ${textOf(field(shared, 'name')) ?? ''}: its subnets become networks of their own`);
      return itemsOf(field(shared, 'subnet4'));
    }),
  ];
  const only = interfaces.length === 1 && subnets.length === 1 ? interfaces[0] : undefined;
  for (const subnet of subnets) readSubnet(subnet, root, { file, general, only }, draft, check);
  for (const host of itemsOf(field(root, 'reservations'))) readHost(host, file, draft, check);
}

interface SubnetPlace {
  readonly file: string;
  readonly general: OptionsDraft;
  /** The only interface, when there is one. */
  readonly only: string | undefined;
}

function readSubnet(
  subnet: Json,
  root: Json,
  { file, general, only }: SubnetPlace,
  draft: Draft,
  check: CheckOption,
): void {
  const place = { file, line: subnet.line };
  const text = textOf(field(subnet, 'subnet'));
  if (text === undefined) {
    draft.skip(place, 'subnet4', 'it has no subnet');
    return;
  }
  const options = optionsOf(subnet, file, draft, check, general);
  const pools = itemsOf(field(subnet, 'pools')).flatMap((pool) => {
    const range = textOf(field(pool, 'pool'))?.replace(/\s+/g, '');
    if (range?.includes('/')) {
      draft.skip({ file, line: pool.line }, range, 'write the pool as first-last');
      return [];
    }
    return range === undefined ? [] : [range];
  });
  const on = textOf(field(subnet, 'interface')) ?? only;
  const lifetime = textOf(field(subnet, 'valid-lifetime')) ?? textOf(field(root, 'valid-lifetime'));
  const usable = on !== undefined && on !== '*' && !on.includes('/');
  const document = {
    ...(usable && { interface: on }),
    subnet: text,
    mode: 'server',
    ...(pools.length > 0 && { pools }),
    ...Object.fromEntries(options.fields),
    ...(lifetime !== undefined && { leaseSeconds: Math.min(31_536_000, Math.max(60, Number(lifetime))) }),
    ...(textOf(field(root, 'authoritative')) === 'true' && { authoritative: true }),
    ...(options.options.size > 0 && { options: Object.fromEntries(options.options) }),
  };
  draft.network(`net-${text.replace(/\/.*$/, '')}`.replaceAll('.', '-'), document, place);
  for (const host of itemsOf(field(subnet, 'reservations'))) readHost(host, file, draft, check);
  report(
    subnet,
    file,
    draft,
    ['subnet', 'id', 'pools', 'option-data', 'reservations', 'interface', 'valid-lifetime'],
    'a network',
  );
}

function readHost(host: Json, file: string, draft: Draft, check: CheckOption): void {
  const place = { file, line: host.line };
  const mac = toMac(textOf(field(host, 'hw-address')) ?? '');
  if (!mac) {
    draft.skip(place, 'reservation', 'it has no hw-address, and a host is known by its MAC');
    return;
  }
  const hostname = textOf(field(host, 'hostname'));
  const drafted = draft.host(mac, hostname, place);
  if (hostname?.includes('.')) drafted.fields.set('hostname', hostname.replace(/\..*$/, ''));
  const address = parseIpv4(textOf(field(host, 'ip-address')) ?? '');
  if (address) drafted.fields.set('address', address);
  const boot = textOf(field(host, 'boot-file-name'));
  const loader = boot === undefined ? undefined : loaderOf(boot);
  if (loader) drafted.fields.set('loader', loader);
  else if (boot)
    draft.skip(place, `boot-file-name ${boot}`, 'it is no loader Hobnail knows; options: { 67: … } can name it');
  const options = optionsOf(host, file, draft, check, createOptionsDraft());
  for (const name of options.fields.keys())
    draft.skip(place, name, `${name} is a setting of the network, not of one host`);
  if (options.options.size > 0) drafted.fields.set('options', Object.fromEntries(options.options));
  report(host, file, draft, ['hw-address', 'ip-address', 'hostname', 'boot-file-name', 'option-data'], 'a host');
}

function optionsOf(json: Json, file: string, draft: Draft, check: CheckOption, outer: OptionsDraft): OptionsDraft {
  const options: OptionsDraft = { fields: new Map(outer.fields), options: new Map(outer.options) };
  for (const one of itemsOf(field(json, 'option-data'))) {
    const name = textOf(field(one, 'name')) ?? textOf(field(one, 'code')) ?? '';
    const data = textOf(field(one, 'data')) ?? '';
    const values =
      textOf(field(one, 'csv-format')) === 'false' ? [data.replace(/(..)(?=.)/g, '$1:')] : data.split(/\s*,\s*/);
    const problem = takeOption(options, name, values, check);
    if (problem !== undefined) draft.skip({ file, line: one.line }, `${name} ${data}`, problem);
  }
  return options;
}

function report(json: Json, file: string, draft: Draft, known: readonly string[], what: string): void {
  if (json.kind !== 'object') return;
  for (const [name, value] of json.fields) {
    if (!known.includes(name)) draft.skip({ file, line: value.line }, name, `"${name}" has no counterpart in ${what}`);
  }
}

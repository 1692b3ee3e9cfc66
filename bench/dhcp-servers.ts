/** DHCP servers that are compared: how each is set up, and how it is given leases it seems to have given before. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { createStore } from '../src/store/store.ts';
import { findProgram, hobnailCommand, versionOf, writeAppliance } from './contender.ts';

/** Where a server and its machines are. */
export interface Place {
  /** The server's own address with its prefix. */
  readonly server: string;
  readonly relay: string;
  readonly subnet: string;
  readonly netmask: string;
  readonly pool: { readonly first: string; readonly last: string };
}

/** For most cases. */
export const SMALL: Place = {
  server: '10.77.0.1/16',
  relay: '10.77.0.2/16',
  subnet: '10.77.0.0/16',
  netmask: '255.255.0.0',
  pool: { first: '10.77.1.0', last: '10.77.250.255' },
};
/** Room for a million leases and more. */
export const LARGE: Place = {
  server: '10.0.0.1/8',
  relay: '10.0.0.2/8',
  subnet: '10.0.0.0/8',
  netmask: '255.0.0.0',
  pool: { first: '10.64.0.0', last: '10.95.255.255' },
};

export function addressOf(cidr: string): string {
  return cidr.replace(/\/.*/, '');
}

export interface Server {
  readonly name: string;
  /** undefined: it is not installed. */
  readonly program: string | undefined;
  readonly version?: string;
  readonly durable: string;
  /** Writes what it needs; returns its command line. */
  prepare(directory: string, program: string, place: Place): Promise<readonly [string, readonly string[]]>;
  /** Puts so many running leases on record, of the first addresses of `LARGE`, before the server starts. */
  fill?(directory: string, leases: number): Promise<void>;
}

export async function findServers(): Promise<Server[]> {
  const dnsmasq = await findProgram('dnsmasq');
  const kea = await findProgram('kea-dhcp4');
  const dhcpd = await findProgram('dhcpd');
  return [
    {
      name: 'hobnail',
      program: process.execPath,
      durable: 'every ACK waits until its lease is synced, those that wait together share one sync',
      prepare: prepareHobnail,
      fill: fillHobnail,
    },
    {
      name: 'dnsmasq',
      program: dnsmasq,
      ...(dnsmasq && { version: await versionOf(dnsmasq, '--version') }),
      durable: 'writes and syncs its whole lease file before an ACK; its ping before an offer is off',
      prepare: prepareDnsmasq,
    },
    {
      name: 'kea',
      program: kea,
      ...(kea && { version: await versionOf(kea, '-v') }),
      durable: 'memfile, appended to without sync: a lease may be lost with the power',
      prepare: prepareKea,
      fill: fillKea,
    },
    {
      name: 'dhcpd',
      program: dhcpd,
      ...(dhcpd && { version: await versionOf(dhcpd, '--version') }),
      durable: 'appends to its lease file and syncs it before each ACK',
      prepare: prepareDhcpd,
    },
  ];
}

async function prepareHobnail(
  directory: string,
  _program: string,
  place: Place,
): Promise<readonly [string, readonly string[]]> {
  const own = addressOf(place.server);
  const pools = [`${place.pool.first}-${place.pool.last}`];
  const network = {
    interface: 'lan0',
    subnet: place.server,
    mode: 'server',
    // The others look for nobody else on the wire either, and their pings are off.
    shareWire: true,
    probeMs: 0,
    unknown: 'menu',
    pools,
    router: own,
    dns: [own],
  };
  const settings = await writeAppliance(
    directory,
    { tftp: { enabled: false }, http: { enabled: false }, api: { enabled: false }, log: { format: 'json' } },
    { 'networks/lab.yaml': network },
  );
  return hobnailCommand(settings);
}

async function prepareDnsmasq(
  directory: string,
  program: string,
  { server, pool, netmask }: Place,
): Promise<readonly [string, readonly string[]]> {
  const own = addressOf(server);
  return [
    program,
    [
      ...['--keep-in-foreground', '--conf-file=/dev/null', '--user=root', '--group=root', '--pid-file=', '--port=0'],
      ...['--interface=lan0', '--bind-interfaces', '--except-interface=lo', '--log-facility=-'],
      ...[`--dhcp-leasefile=${join(directory, 'leases')}`, '--dhcp-lease-max=100000', '--no-ping', '--no-hosts'],
      ...[`--dhcp-range=${pool.first},${pool.last},${netmask},1h`, `--dhcp-option=3,${own}`],
      `--dhcp-option=6,${own}`,
    ],
  ];
}

async function prepareKea(
  directory: string,
  program: string,
  { server, pool, subnet: network }: Place,
): Promise<readonly [string, readonly string[]]> {
  const own = addressOf(server);
  const file = join(directory, 'kea.json');
  const options = [
    { name: 'routers', data: own },
    { name: 'domain-name-servers', data: own },
  ];
  const subnet = { subnet: network, pools: [{ pool: `${pool.first} - ${pool.last}` }], 'option-data': options };
  const settings = {
    'interfaces-config': { interfaces: ['lan0'], 'dhcp-socket-type': 'udp' },
    'lease-database': { type: 'memfile', persist: true, name: join(directory, 'leases.csv'), 'lfc-interval': 0 },
    'valid-lifetime': 3600,
    subnet4: [{ id: 1, ...subnet }],
    loggers: [{ name: 'kea-dhcp4', severity: 'INFO', output_options: [{ output: 'stdout' }] }],
  };
  await writeFile(file, JSON.stringify({ Dhcp4: settings }));
  return [program, ['-c', file]];
}

async function prepareDhcpd(
  directory: string,
  program: string,
  { server, pool, subnet, netmask }: Place,
): Promise<readonly [string, readonly string[]]> {
  const own = addressOf(server);
  const leases = join(directory, 'leases');
  const file = join(directory, 'dhcpd.conf');
  await writeFile(leases, '');
  const options = [`option routers ${own};`, `option domain-name-servers ${own};`];
  const lines = ['default-lease-time 3600;', 'authoritative;', 'ping-check false;', ...options];
  const net = `subnet ${addressOf(subnet)} netmask ${netmask} { range ${pool.first} ${pool.last}; }`;
  await writeFile(file, `${[...lines, net].join('\n')}\n`);
  return [program, ['-4', '-f', '-q', '-cf', file, '-lf', leases, '-pf', join(directory, 'pid'), 'lan0']];
}

const DAY = 86_400;

/** Address and MAC number `index`, as both fillers write them. */
function filled(index: number): { readonly address: string; readonly mac: string } {
  const digits = index.toString(16).padStart(10, '0');
  return {
    address: `10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    mac: `06:${digits.replace(/..(?!$)/g, '$&:')}`,
  };
}

async function fillHobnail(directory: string, leases: number): Promise<void> {
  const file = join(directory, 'data', 'hobnail.db');
  await mkdir(join(directory, 'data'), { recursive: true });
  const store = await createStore({ file, now: Date.now, log: { warn: () => {} } });
  await store.close();
  const database = new Database(file);
  const columns = 'network, address, mac, client_id, state, starts_at, expires_at';
  const insert = database.prepare(`insert into leases (${columns}) values ('lab', ?, ?, ?, 'bound', ?, ?)`);
  const now = Date.now();
  database.transaction(() => {
    for (let index = 0; index < leases; index++) {
      const { address, mac } = filled(index);
      insert.run(address, mac, `01${mac.replaceAll(':', '')}`, now, now + DAY * 1000 + index);
    }
  })();
  database.close();
}

async function fillKea(directory: string, leases: number): Promise<void> {
  const head = 'address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context';
  const expire = Math.floor(Date.now() / 1000) + DAY;
  const lines = Array.from({ length: leases }, (_, index) => {
    const { address, mac } = filled(index);
    return `${address},${mac},01:${mac},${DAY},${expire},1,0,0,,0,`;
  });
  await writeFile(join(directory, 'leases.csv'), `${[head, ...lines].join('\n')}\n`);
}

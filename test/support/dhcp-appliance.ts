/**
 * A DHCP server as a program of its own, to be run inside a namespace: `node dhcp-appliance.ts <settings.json>`. Settings:
 * `maker`, `networks` (documents by name), `hosts`, `interfaces`, and `leases`, a file that takes one JSON lease a line and is
 * read again at the next start. Prints `ready` and one line an event.
 */
import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readFileSync } from 'node:fs';
import { buildCatalog } from '../../src/boot/catalog.ts';
import { type Host, hostSchema } from '../../src/boot/host.ts';
import type { Lease } from '../../src/boot/lease.ts';
import { type Network, networkSchema } from '../../src/boot/network.ts';
import { chooseServed } from '../../src/boot/served.ts';
import { createDhcpServer } from '../../src/dhcp/server.ts';
import { readCapabilities } from '../../src/os/capabilities.ts';
import type { MakerKind } from '../../src/os/datagram.ts';
import { createDatagramMaker } from '../../src/os/datagram-maker.ts';
import { listInterfaces } from '../../src/os/interfaces.ts';
import { loadPacketCalls } from '../../src/os/libc-packets.ts';
import { createWireOpener } from '../../src/os/wire.ts';

interface Settings {
  readonly maker: MakerKind;
  readonly networks: Readonly<Record<string, unknown>>;
  readonly hosts?: Readonly<Record<string, unknown>>;
  readonly leases: string;
  /** Hear and ask the wire below UDP. */
  readonly wires?: boolean;
}

const settings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Settings;
const networks = Object.entries(settings.networks).map(
  ([name, document]): Network => ({ name, ...networkSchema.parse(document) }),
);
const hosts = Object.entries(settings.hosts ?? {}).map(([name, host]): Host => ({ name, ...hostSchema.parse(host) }));
const installed = new Set(['ipxe/undionly.kpxe', 'ipxe/snponly.efi']);
const { catalog } = buildCatalog({ hosts, profiles: [], networks, routes: [], installed });
const say = (line: string) => process.stdout.write(`${line}\n`);
const shout = (fields: object, message: string) => say(`log ${message} ${JSON.stringify(fields)}`);

const maker = createDatagramMaker({ prefer: settings.maker });
const server = createDhcpServer({
  openSocket: maker.open,
  snapshot: () => catalog,
  loadLeases: storedLeases,
  commitLeases: async (leases) => store(leases),
  record: (event) => say(`event ${event.kind} ${event.mac} ${event.ip} ${event.summary} by ${event.detail?.sentBy}`),
  log: { debug() {}, info() {}, warn: shout, error: shout },
  ...(settings.wires && { openWire: createWireOpener(loadPacketCalls(), readCapabilities()) }),
  now: Date.now,
});

const facts = listInterfaces().map(({ name, addresses, ipv6 }) => ({ name, addresses, ipv6, lan: false }));
const { served, notes } = chooseServed(networks, facts, { http: 8080, tftp: 69 });
for (const note of notes) say(`note ${note}`);
const status = await server.setNetworks(served);
say(`ready ${status.map((one) => `${one.interface}:${one.port} ${one.socket?.maker ?? one.problem}`).join(', ')}`);

process.on('SIGTERM', async () => {
  await server.close();
  await maker.close();
  process.exit(0);
});

/** One row an address, the newest wins. */
function storedLeases(): Lease[] {
  if (!existsSync(settings.leases)) return [];
  const lines = readFileSync(settings.leases, 'utf8').trim().split('\n').filter(Boolean);
  const rows = new Map<string, Lease>();
  for (const line of lines) {
    const lease = JSON.parse(line) as Lease;
    rows.set(`${lease.network} ${lease.address}`, lease);
  }
  return [...rows.values()];
}

function store(leases: readonly Lease[]): void {
  const file = openSync(settings.leases, 'a');
  appendFileSync(file, leases.map((lease) => `${JSON.stringify(lease)}\n`).join(''));
  fsyncSync(file);
  closeSync(file);
}

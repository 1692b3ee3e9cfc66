/** A network, a catalog, an address book and clients for tests of the DHCP room; requests are made from fields, not bytes. */
import { buildCatalog, type Catalog } from '../../src/boot/catalog.ts';
import { type Host, hostSchema } from '../../src/boot/host.ts';
import type { Lease } from '../../src/boot/lease.ts';
import { type Network, networkSchema } from '../../src/boot/network.ts';
import { quirkSchema } from '../../src/boot/quirk.ts';
import { identityOf, type ServedNetwork } from '../../src/boot/served.ts';
import { planAddresses } from '../../src/dhcp/address-plan.ts';
import type { Exchange, Outcome, ReplyOutcome } from '../../src/dhcp/exchange.ts';
import { type AddressBook, createAddressBook } from '../../src/dhcp/lease.ts';
import { encodeOption } from '../../src/dhcp/options.ts';
import type { Packet } from '../../src/dhcp/packet.ts';
import { respond } from '../../src/dhcp/respond.ts';
import { type Ipv4, parseIpv4 } from '../../src/net/ipv4.ts';
import { type Mac, macToBytes, parseMac } from '../../src/net/mac.ts';
import { profilesOf } from './catalogs.ts';

export const SERVER = ipv4('10.77.0.1');
export const START = 1_700_000_000_000;

export function ipv4(text: string): Ipv4 {
  const address = parseIpv4(text);
  if (!address) throw new Error(`${text} is no address`);
  return address;
}

export function mac(text: string | number): Mac {
  const parsed = parseMac(typeof text === 'number' ? `52540077${text.toString(16).padStart(4, '0')}` : text);
  if (!parsed) throw new Error(`${text} is no MAC`);
  return parsed;
}

export interface WorldOptions {
  readonly network?: Record<string, unknown>;
  readonly hosts?: Record<string, Record<string, unknown>>;
  readonly profiles?: Record<string, Record<string, unknown>>;
  readonly quirks?: Record<string, Record<string, unknown>>;
  readonly installed?: readonly string[];
  readonly leases?: readonly Lease[];
}

export interface World {
  readonly served: ServedNetwork;
  readonly catalog: Catalog;
  readonly book: AddressBook;
  now: number;
  /** Answers a request as the door would; `localPort` 67 unless told otherwise. */
  ask(
    request: Packet,
    how?: Partial<Pick<Exchange, 'localPort' | 'ingressKnown' | 'hold' | 'proof' | 'strategies'>>,
  ): Outcome;
  /** As `ask`, for requests that must be answered. */
  reply(
    request: Packet,
    how?: Partial<Pick<Exchange, 'localPort' | 'ingressKnown' | 'hold' | 'proof' | 'strategies'>>,
  ): ReplyOutcome;
}

const LOADERS = [
  'ipxe/undionly.kpxe',
  'ipxe/snponly.efi',
  'ipxe/snponly-arm64.efi',
  'grub/grubnetx64.efi',
  'pxelinux/pxelinux.0',
];

/** 10.77.0.0/24 in server mode with a pool of .100-.110, served from 10.77.0.1 with HTTP on 8080. */
export function makeWorld(options: WorldOptions = {}): World {
  const network: Network = {
    name: 'lab',
    ...networkSchema.parse({
      subnet: '10.77.0.0/24',
      mode: 'server',
      pools: ['10.77.0.100-10.77.0.110'],
      router: '10.77.0.254',
      dns: ['10.77.0.2'],
      unknown: 'menu',
      ...options.network,
    }),
  };
  const hosts = Object.entries(options.hosts ?? {}).map(([name, host]): Host => ({ name, ...hostSchema.parse(host) }));
  const profiles = profilesOf((options.profiles ?? {}) as Record<string, object>);
  const installed = new Set(options.installed ?? LOADERS);
  const quirks = Object.entries(options.quirks ?? {}).map(([name, quirk]) => ({ name, ...quirkSchema.parse(quirk) }));
  const { catalog, problems } = buildCatalog({ hosts, profiles, networks: [network], quirks, routes: [], installed });
  if (problems.length > 0) throw new Error(JSON.stringify(problems));
  const served = serve(network);
  const book = createAddressBook('lab', planAddresses(served, catalog), options.leases);
  const world: World = {
    served,
    catalog,
    book,
    now: START,
    ask: (request, how) =>
      respond({ request, served, book, catalog, now: world.now, localPort: 67, ingressKnown: true, ...how }),
    reply(request, how) {
      const outcome = world.ask(request, how);
      if (outcome.kind !== 'reply') throw new Error(`no reply: ${outcome.reason}`);
      return outcome;
    },
  };
  return world;
}

export function serve(network: Network, address: Ipv4 = SERVER, name = 'eth0'): ServedNetwork {
  const server = identityOf(network.serverAddress ?? address, { http: 8080, tftp: 69 });
  return { network, interface: name, address, prefix: 24, ipv6: false, server };
}

/** Header fields, and options by number with values as `encodeOption` takes them (bytes are taken as they are). */
export type RequestFields = Partial<Omit<Packet, 'options' | 'chaddr'>> & {
  readonly mac?: Mac;
  /** Hex of the bytes behind the MAC. */
  readonly chaddrTail?: string;
  readonly options?: Readonly<Record<number, unknown>>;
};

export function request(message: string | undefined, fields: RequestFields = {}): Packet {
  const { mac: hardware = mac(1), chaddrTail = '', options = {}, ...header } = fields;
  const chaddr = new Uint8Array(16);
  chaddr.set([...macToBytes(hardware), ...bytes(chaddrTail)]);
  const encoded = Object.entries(options).map(([code, value]): [number, Uint8Array] => [
    Number(code),
    value instanceof Uint8Array ? value : encodeOption(Number(code), value),
  ]);
  const any = ipv4('0.0.0.0');
  return {
    op: 1,
    htype: 1,
    hlen: 6,
    hops: 0,
    xid: 0x12345678,
    secs: 0,
    flags: 0,
    ciaddr: any,
    yiaddr: any,
    siaddr: any,
    giaddr: any,
    sname: '',
    file: '',
    ...header,
    chaddr,
    options: new Map([...(message === undefined ? [] : [[53, encodeOption(53, message)] as const]), ...encoded]),
  };
}

export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.replace(/\s/g, '').match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const UUID = bytes('00 77777777 0000 0040 8000 000000000001');

/** The options of the clients as seen on the wire (docs of the boot clients), by the name of the client. */
export const CLIENTS = {
  'BIOS ROM': { 60: 'PXEClient:Arch:00000:UNDI:002001', 93: [0], 94: bytes('010201'), 97: UUID },
  'UEFI x64': { 60: 'PXEClient:Arch:00007:UNDI:003000', 93: [7], 94: bytes('010300'), 97: UUID, 57: 1472 },
  'UEFI arm64': { 60: 'PXEClient:Arch:00011:UNDI:003000', 93: [11], 94: bytes('010300'), 97: UUID },
  'UEFI HTTP x64': { 60: 'HTTPClient:Arch:00016:UNDI:003000', 93: [16], 94: bytes('010300'), 97: UUID },
  'iPXE BIOS': {
    60: 'PXEClient:Arch:00000:UNDI:002001',
    77: 'iPXE',
    93: [0],
    97: UUID,
    175: bytes('b105011af41000 eb03010000 170101 220101 130101 110101'),
  },
  'iPXE UEFI': { 60: 'PXEClient:Arch:00007:UNDI:003010', 77: 'iPXE', 93: [7], 97: UUID, 175: bytes('240101 130101') },
  'undionly behind a proxy': { 60: 'PXEClient', 77: 'iPXE', 93: [0], 97: UUID, 175: bytes('130101') },
  udhcpc: { 60: 'udhcp 1.35.0', 55: [1, 3, 6, 12, 15, 28, 42] },
  'Cisco phone': { 60: 'Cisco Systems, Inc. IP Phone CP-8845', 55: [1, 3, 6, 66, 150] },
} as const satisfies Record<string, Readonly<Record<number, unknown>>>;

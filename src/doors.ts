/** The doors as the settings want them, and what to say of those that do not open. */
import { networkInterfaces } from 'node:os';
import type { Catalog } from './boot/catalog.ts';
import type { OpenPath } from './boot/content.ts';
import type { RecordEvent } from './boot/event.ts';
import { targetsWithoutLoader } from './boot/loaders.ts';
import type { ServedNetwork } from './boot/served.ts';
import type { OpenUpload } from './boot/upload.ts';
import type { Config } from './config.ts';
import type { DhcpServer } from './dhcp/server.ts';
import { messageOf } from './errors.ts';
import type { BootDoor, BootListener } from './http/boot.ts';
import type { Log } from './log.ts';
import { ANY_ADDRESS, formatCidr } from './net/ipv4.ts';
import type { Mac } from './net/mac.ts';
import { readCapabilities } from './os/capabilities.ts';
import type { DatagramMaker } from './os/datagram.ts';
import { createDatagramMaker } from './os/datagram-maker.ts';
import { listInterfaces, type NetworkInterface } from './os/interfaces.ts';
import type { LibcLoad } from './os/libc.ts';
import { loadPacketCalls } from './os/libc-packets.ts';
import { openUdpListener } from './os/udp-listener.ts';
import { createWireOpener, type OpenWire } from './os/wire.ts';
import { createFastTftpServer, type TftpDoor } from './tftp/fast-server.ts';
import type { ServedAddress } from './tftp/listeners.ts';
import { DEFAULT_CAPS } from './tftp/negotiate.ts';
import { createTftpServer, type TftpServer, type TftpServerDeps } from './tftp/server.ts';

/** One thing the appliance could not do, and what would let it. */
export interface Shortfall {
  readonly what: string;
  readonly fix: string;
}

/** Without the right to ports below 1024. */
const UNPRIVILEGED_TFTP_PORT = 6969;

/** What this process may not do is left out and said, instead of failing. */
export function fitToRights(config: Config): { readonly config: Config; readonly shortfalls: readonly Shortfall[] } {
  if (readCapabilities().netBindService || process.platform !== 'linux') return { config, shortfalls: [] };
  const { dhcp, tftp } = config;
  const fix = `run it as root (sudo npm start), or give this Node the right: sudo setcap cap_net_bind_service,cap_net_raw+ep ${process.execPath}`;
  const moved = tftp.enabled && tftp.port > 0 && tftp.port < 1024;
  return {
    config: {
      ...config,
      dhcp: { ...dhcp, enabled: false },
      ...(moved && { tftp: { ...tftp, port: UNPRIVILEGED_TFTP_PORT } }),
    },
    shortfalls: [
      ...(dhcp.enabled ? [{ what: 'no DHCP: ports 67 and 4011 need a right this process lacks', fix }] : []),
      ...(moved ? [{ what: `TFTP is on port ${UNPRIVILEGED_TFTP_PORT} instead of ${tftp.port}`, fix }] : []),
    ],
  };
}

/** Wires below UDP, where the process may hear them. */
export function openWires(): OpenWire {
  return createWireOpener(loadPacketCalls(), readCapabilities());
}

/** What other servers on the wires mean for our networks. */
export function wireShortfalls(dhcp: DhcpServer | undefined): readonly Shortfall[] {
  const held = (dhcp?.heldBack() ?? []).map(({ network, reason }) => ({
    what: `network "${network}" is silent`,
    fix: reason,
  }));
  const troubles = (dhcp?.otherServers() ?? []).flatMap(({ problem }) => (problem ? [problem] : []));
  return [...held, ...troubles];
}

export function openMaker({ sockets }: Config['dhcp'], log: Log, libc: LibcLoad): DatagramMaker {
  return createDatagramMaker({
    libc,
    log: { info: (message) => log.debug(message), warn: (message) => log.warn(message) },
    ...(sockets !== 'auto' && { prefer: sockets }),
  });
}

export interface DoorDeps {
  readonly open: OpenPath;
  readonly findMac: (ip: string) => Mac | undefined;
  readonly record: RecordEvent;
  readonly log: Log;
  readonly now: () => number;
}

export interface TftpDoorDeps extends DoorDeps {
  readonly openUpload: OpenUpload;
}

/** The door the settings ask for; `auto` is the fast one wherever it can be had. */
export function createTftpDoor(settings: Config['tftp'], libc: LibcLoad, deps: TftpDoorDeps): TftpDoor {
  const { port, singlePort, portRange, blksizeMax, windowsizeMax, disable, fitMtu, allow } = settings;
  const native = libc.kind === 'loaded' ? libc.libc : undefined;
  const serverDeps = {
    ...deps,
    openListener: (options) =>
      openUdpListener({ ...options, libc: native, onDatagram: ({ bytes, from }) => options.onDatagram(bytes, from) }),
    settings: {
      port,
      singlePort,
      ...(portRange && { portRange: { first: portRange[0], last: portRange[1] } }),
      caps: { ...DEFAULT_CAPS, blksizeMax, windowsizeMax, disabled: new Set(disable) },
      fitMtu,
      retransmitMaxMs: settings.retransmitMaxSeconds * 1000,
      giveUpMs: settings.giveUpSeconds * 1000,
      admission: {
        maxTransfers: settings.transfersMax,
        maxTransfersPerSource: settings.transfersPerClientMax,
        startsPerSecond: settings.startsPerClientMax,
      },
      ...(allow && { allow }),
      clients: settings.clients.map(({ retransmitMaxSeconds: seconds, ...rule }) => ({
        ...rule,
        ...(seconds !== undefined && { retransmitMaxMs: seconds * 1000 }),
      })),
    },
  } satisfies TftpServerDeps;
  if (settings.door !== 'portable' && native) {
    const quiet = LOG_LEVELS.filter((level) => !deps.log.isLevelEnabled(level));
    return createFastTftpServer({ ...serverDeps, closeDescriptor: native.close, quiet });
  }
  const reason = libc.kind === 'loaded' ? 'the settings ask for it' : `no fast door: ${libc.reason}`;
  return { ...createTftpServer(serverDeps), door: () => ({ kind: 'portable', reason }) };
}

const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;

/**
 * Served addresses and loopback; where nothing is served, every address: another server may point machines here. `0.0.0.0`
 * is every address by itself: an answer must leave from the one that was asked, in blocks that fit its interface, and a
 * socket for all hears broadcasts, which are not to be answered.
 */
export function listenAddresses(
  config: Pick<Config, 'listen'>,
  networks: readonly Pick<ServedNetwork, 'address'>[],
  interfaces: readonly Pick<NetworkInterface, 'addresses'>[] = listInterfaces(),
): readonly string[] {
  const all = interfaces.flatMap((one) => one.addresses.map(({ address }) => address));
  if (config.listen) {
    return [...new Set(config.listen.flatMap((address) => (address === ANY_ADDRESS ? all : [address])))];
  }
  const served = networks.map(({ address }) => address);
  const wanted = served.length > 0 ? [...served, ...all.filter((address) => address.startsWith('127.'))] : all;
  return [...new Set<string>(wanted)];
}

/** With the MTU of the interface that has the address, to fit blocks to it, and the networks whose machines ask there. */
export function tftpAddress(address: string, networks: readonly ServedNetwork[]): ServedAddress {
  const owner = ownerOf(address);
  const onLink = owner?.addresses.map((own) => `${own.address}/${own.prefix}`) ?? [];
  const behind = networks.flatMap(({ network }) => (network.subnet ? [formatCidr(network.subnet)] : []));
  return { address, networks: [...onLink, ...behind], ...(owner && { mtu: owner.mtu }) };
}

/** The interface that has an address, IPv4 or IPv6. */
function ownerOf(address: string): NetworkInterface | undefined {
  const [plain, scope] = address.split('%');
  const name =
    scope ?? Object.entries(networkInterfaces()).find(([, infos]) => infos?.some((one) => one.address === plain))?.[0];
  return listInterfaces().find((one) => one.name === name || String(one.index) === name);
}

/** HTTP listeners of the boot door, one an address; a failed one is tried again by the next `setAddresses`. */
export interface HttpListeners {
  /** Opens and closes listeners until exactly these are served. Never rejects: what failed stands in `status`. */
  setAddresses(addresses: readonly string[]): Promise<void>;
  status(): readonly HttpStatus[];
}

interface HttpStatus {
  readonly address: string;
  readonly port: number;
  readonly problem?: string;
}

export function createHttpListeners(door: Pick<BootDoor, 'listen'>, port: number): HttpListeners {
  const rows = new Map<string, BootListener | (HttpStatus & { readonly close?: never })>();
  return {
    async setAddresses(addresses) {
      for (const [address, row] of [...rows]) {
        if (addresses.includes(address)) continue;
        rows.delete(address);
        // Running transfers end in their own time: new addresses do not wait for them.
        void row.close?.();
      }
      for (const address of addresses) {
        if (rows.get(address)?.close) continue;
        const opened = door.listen(address, port);
        rows.set(address, await opened.catch((error: unknown) => ({ address, port, problem: messageOf(error) })));
      }
    },
    status: () =>
      [...rows.values()].map((row) =>
        row.close ? { address: row.address, port: row.port } : (row satisfies HttpStatus),
      ),
  };
}

/** What did not open, in words with the way out. */
export function socketShortfalls(
  dhcp: DhcpServer | undefined,
  tftp: TftpServer | undefined,
  http: HttpListeners | undefined,
): readonly Shortfall[] {
  return [
    ...(dhcp?.listeners() ?? []).map(({ interface: name, port, problem }) => ({
      what: `no DHCP on ${name} port ${port}`,
      fix: problem,
    })),
    ...(tftp?.listeners() ?? []).map(({ address, port, problem }) => ({
      what: `no TFTP on ${address} port ${port}`,
      fix: problem,
    })),
    ...(http?.status() ?? []).map(({ address, port, problem }) => ({
      what: `no HTTP boot on ${address} port ${port}`,
      fix: problem,
    })),
  ].flatMap(({ what, fix }) => (fix === undefined ? [] : [{ what, fix }]));
}

/** Machines that no loader is there for. */
export function loaderShortfalls({ installed }: Catalog): readonly Shortfall[] {
  const fix = 'hobnail images pull';
  return targetsWithoutLoader(installed).map((target) => ({ what: `no loader for ${target} machines`, fix }));
}

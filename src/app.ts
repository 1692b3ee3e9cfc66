/** Composition root: opens the doors in order, connects the rooms, closes in reverse. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ServedNetwork } from './boot/served.ts';
import type { Config } from './config.ts';
import { type Core, createCore } from './core.ts';
import { createDhcpServer, type DhcpServer } from './dhcp/server.ts';
import { AppError, messageOf } from './errors.ts';
import { type Api, createApi } from './http/api.ts';
import { type BootDoor, createBootDoor } from './http/boot.ts';
import { createIdentity } from './identity.ts';
import type { Log } from './log.ts';
import { type AppView, createApiDeps, type Shortfall } from './operator.ts';
import { readCapabilities } from './os/capabilities.ts';
import { createDatagramMaker, type DatagramMaker } from './os/datagram.ts';
import { listInterfaces } from './os/interfaces.ts';
import { type LibcLoad, loadLibc } from './os/libc.ts';
import { openUdpListener } from './os/udp-listener.ts';
import { watchInterfaces } from './os/watch-interfaces.ts';
import { createStore, type Store } from './store/store.ts';
import { DEFAULT_ADMISSION } from './tftp/admission.ts';
import { DEFAULT_CAPS } from './tftp/negotiate.ts';
import { createTftpServer, type TftpServer } from './tftp/server.ts';

export interface AppDeps {
  readonly config: Config;
  readonly log: Log;
  readonly version: string;
}

export interface App {
  readonly core: Core;
  readonly store: Store;
  /** What is open, what is served, what is wrong. */
  view(): AppView;
  /** The secret of the operator's first token, when this start made it. Shown once, never logged. */
  readonly firstToken: string | undefined;
  /** Reads profiles and templates anew; true when the disk is what is served now. */
  reload(): Promise<boolean>;
  /** Ends in reverse order: no new machines, running transfers a moment, then the database. */
  close(): Promise<void>;
}

/** Without the right to ports below 1024. */
const UNPRIVILEGED_TFTP_PORT = 6969;
const DRAIN_MS = 2000;

/**
 * Starts everything that can be started. A door that cannot open becomes a shortfall of the view, with what would help;
 * the others work on.
 * @throws AppError `inventory-invalid` when the inventory has errors at start, `store-failed`, `disk-full`
 */
export async function createApp({ config: asked, log, version }: AppDeps): Promise<App> {
  const shortfalls: Shortfall[] = [];
  const config = withRights(asked, shortfalls);
  const now = createClock();
  const store = await openStore(config, log, now);
  const record = store.events.append;
  const core = await createCore({
    config,
    ports: { http: config.http.port, tftp: config.tftp.port },
    log,
    record,
    now,
  });
  try {
    refuseBrokenInventory(core);
    const identity = createIdentity(store.leases.commit, now);
    const leases = await store.leases.load();
    identity.learn(leases);
    const libc = loadLibc();

    const maker = config.dhcp.enabled ? openMaker(config, log, libc) : undefined;
    const dhcp =
      maker &&
      createDhcpServer({
        openSocket: maker.open,
        snapshot: core.inventory.snapshot,
        loadLeases: (network) => leases.filter((lease) => lease.network === network),
        commitLeases: identity.commitLeases,
        record,
        log,
        now,
      });
    const tftp = config.tftp.enabled ? createTftp(config, core, identity.findMac, store, log, now, libc) : undefined;
    const http = config.http.enabled
      ? createBootDoor({ open: core.open, findMac: identity.findMac, record, log, now })
      : undefined;
    const firstToken = await makeFirstToken(store);

    let networks: readonly ServedNetwork[] = [];
    let notes: readonly string[] = [];
    const httpListeners: { address: string; port: number }[] = [];
    let apiUrl: string | undefined;
    const startedAt = now();

    const view = (): AppView => ({
      version,
      startedAt,
      networks,
      notes,
      shortfalls,
      problems: core.inventory.problems(),
      ...(dhcp && maker && { dhcp: { maker: maker.kind, because: maker.reason, listeners: dhcp.listeners() } }),
      ...(tftp && { tftp: { listeners: tftp.listeners() } }),
      ...(http && { http: { listeners: httpListeners } }),
      ...(apiUrl !== undefined && { api: { url: apiUrl } }),
      counts: {
        hosts: core.inventory.snapshot().hosts.size,
        profiles: core.inventory.snapshot().profiles.size,
        networks: core.inventory.snapshot().networks.size,
      },
      catalog: core.inventory.snapshot(),
    });

    /** Networks follow interfaces and files; sockets follow networks. */
    const follow = async (): Promise<void> => {
      const result = core.served();
      networks = result.served;
      notes = result.notes;
      await dhcp?.setNetworks(networks);
      const addresses = listenAddresses(config, networks);
      await tftp?.setAddresses(addresses.map(withMtu));
      if (http) await followHttp(http, addresses, config.http.port, httpListeners, shortfalls);
    };

    const api = config.api.enabled
      ? await createApi(createApiDeps({ core, store, dhcp, tftp, view, log, version, now }))
      : undefined;

    let last = Promise.resolve();
    const followInTurn = (): Promise<void> => {
      last = last.then(follow).catch((error: unknown) => {
        log.error({ err: error }, 'networks could not be brought up to date');
      });
      return last;
    };
    await followInTurn();
    if (api) apiUrl = await openApi(api, config, shortfalls);
    noteFailures(dhcp, tftp, shortfalls);

    await core.inventory.watch();
    let seen = core.inventory.snapshot();
    const watcher = watchInterfaces({ onChange: () => void followInTurn() });
    const catalogCheck = setInterval(() => {
      if (core.inventory.snapshot() === seen) return;
      seen = core.inventory.snapshot();
      void followInTurn();
    }, 1000);
    catalogCheck.unref();
    record({ at: now(), kind: 'server.started', summary: `Hobnail ${version} started` });

    let closing: Promise<void> | undefined;
    const closeAll = async () => {
      clearInterval(catalogCheck);
      watcher.close();
      await last;
      await dhcp?.close();
      await tftp?.close({ drainMs: DRAIN_MS });
      await http?.close();
      await api?.close();
      await maker?.close();
      await core.close();
      await store.close();
    };
    return {
      core,
      store,
      view,
      firstToken,
      async reload() {
        const good = await core.inventory.reload();
        await followInTurn();
        return good;
      },
      close() {
        closing ??= closeAll();
        return closing;
      },
    };
  } catch (error) {
    await core.close();
    await store.close();
    throw error;
  }
}

/** What the process may not do is left out and said, instead of failing. */
function withRights(config: Config, shortfalls: Shortfall[]): Config {
  if (readCapabilities().netBindService || process.platform !== 'linux') return config;
  const fix = `run it as root, or give this Node the right: sudo setcap cap_net_bind_service,cap_net_raw+ep ${process.execPath}`;
  if (config.dhcp.enabled) shortfalls.push({ what: 'no DHCP: ports 67 and 4011 need a right this process lacks', fix });
  const moved = config.tftp.enabled && config.tftp.port > 0 && config.tftp.port < 1024;
  if (moved) {
    shortfalls.push({ what: `TFTP is on port ${UNPRIVILEGED_TFTP_PORT} instead of ${config.tftp.port}`, fix });
  }
  return {
    ...config,
    dhcp: { ...config.dhcp, enabled: false },
    ...(moved && { tftp: { ...config.tftp, port: UNPRIVILEGED_TFTP_PORT } }),
  };
}

async function openStore(config: Config, log: Log, now: () => number): Promise<Store> {
  const { data } = config.paths;
  try {
    await mkdir(data, { recursive: true, mode: 0o750 });
  } catch (error) {
    throw new AppError(
      'store-failed',
      `cannot make the data directory ${data}: ${messageOf(error)}. Set paths.data in hobnail.yaml to one this user may write.`,
      { cause: error },
    );
  }
  return createStore({ file: join(data, 'hobnail.db'), now, log });
}

/** At start there is no last good snapshot to fall back on. */
function refuseBrokenInventory(core: Core): void {
  const problems = core.inventory.problems().filter(({ severity }) => severity === 'error');
  if (problems.length === 0) return;
  throw new AppError('inventory-invalid', 'profiles/ has problems, so nothing is served. Mend them and start again.', {
    problems,
  });
}

function openMaker(config: Config, log: Log, libc: LibcLoad): DatagramMaker {
  const { sockets } = config.dhcp;
  return createDatagramMaker({
    libc,
    log: { info: (message) => log.debug(message), warn: (message) => log.warn(message) },
    ...(sockets !== 'auto' && { prefer: sockets }),
  });
}

function createTftp(
  config: Config,
  core: Core,
  findMac: ReturnType<typeof createIdentity>['findMac'],
  store: Store,
  log: Log,
  now: () => number,
  libc: LibcLoad,
): TftpServer {
  const { port, singlePort, portRange, blksizeMax, windowsizeMax, transfersMax, transfersPerClientMax } = config.tftp;
  const native = libc.kind === 'loaded' ? libc.libc : undefined;
  return createTftpServer({
    openListener: (options) =>
      openUdpListener({
        ...options,
        libc: native,
        onDatagram: ({ bytes, from }) => options.onDatagram(bytes, from),
      }),
    open: core.open,
    findMac,
    record: store.events.append,
    log,
    now,
    settings: {
      port,
      singlePort,
      ...(portRange && { portRange: { first: portRange[0], last: portRange[1] } }),
      caps: { ...DEFAULT_CAPS, blksizeMax, windowsizeMax },
      admission: {
        ...DEFAULT_ADMISSION,
        maxTransfers: transfersMax,
        maxTransfersPerSource: transfersPerClientMax,
      },
    },
  });
}

/** Served addresses and loopback; where nothing is served, every address: another server may point machines here. */
function listenAddresses(config: Config, networks: readonly ServedNetwork[]): readonly string[] {
  if (config.listen) return config.listen;
  const all = listInterfaces().flatMap((one) => one.addresses.map(({ address }) => address));
  const served = networks.map(({ address }) => address);
  return [...new Set(served.length > 0 ? [...served, ...all.filter((address) => address.startsWith('127.'))] : all)];
}

function withMtu(address: string): { address: string; mtu?: number } {
  const owner = listInterfaces().find((one) => one.addresses.some((own) => own.address === address));
  return { address, ...(owner && { mtu: owner.mtu }) };
}

async function followHttp(
  http: BootDoor,
  addresses: readonly string[],
  port: number,
  open: { address: string; port: number }[],
  shortfalls: Shortfall[],
): Promise<void> {
  for (const address of addresses) {
    if (open.some((one) => one.address === address)) continue;
    try {
      open.push(await http.listen(address, port));
    } catch (error) {
      shortfalls.push({ what: `no HTTP boot on ${address} port ${port}`, fix: messageOf(error) });
    }
  }
}

async function openApi(api: Api, config: Config, shortfalls: Shortfall[]): Promise<string | undefined> {
  const { address, port } = config.api;
  try {
    const at = await api.listen(address, port);
    return `http://${address.includes(':') ? `[${address}]` : address}:${at.port}/`;
  } catch (error) {
    shortfalls.push({ what: `no API on ${address} port ${port}`, fix: messageOf(error) });
    return undefined;
  }
}

function noteFailures(dhcp: DhcpServer | undefined, tftp: TftpServer | undefined, shortfalls: Shortfall[]): void {
  for (const { interface: name, port, problem } of dhcp?.listeners() ?? []) {
    if (problem !== undefined) shortfalls.push({ what: `no DHCP on ${name} port ${port}`, fix: problem });
  }
  for (const { address, port, problem } of tftp?.listeners() ?? []) {
    if (problem !== undefined) shortfalls.push({ what: `no TFTP on ${address} port ${port}`, fix: problem });
  }
}

/** The first start makes the operator's login. */
async function makeFirstToken(store: Store): Promise<string | undefined> {
  const tokens = await store.tokens.list();
  return tokens.length === 0 ? store.tokens.create('admin', 'admin') : undefined;
}

/** Wall time that never goes back: a clock that is set back must not free leases. */
function createClock(): () => number {
  let latest = 0;
  return () => {
    latest = Math.max(latest, Date.now());
    return latest;
  };
}

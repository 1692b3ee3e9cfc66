/** Composition root: connects the rooms, opens the doors in order, closes them in reverse. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { RecordEvent } from './boot/event.ts';
import { factsOf } from './boot/facts.ts';
import type { ServedNetwork } from './boot/served.ts';
import { redactToken } from './boot/token-path.ts';
import type { Config } from './config.ts';
import { type Core, createCore } from './core.ts';
import { createDeploymentDesk } from './deployments/desk.ts';
import { createDeployments, type Deployments } from './deployments.ts';
import type { Sighting } from './dhcp/exchange.ts';
import { createDhcpServer, type DhcpServer } from './dhcp/server.ts';
import {
  createHttpListeners,
  createTftpDoor,
  fitToRights,
  listenAddresses,
  loaderShortfalls,
  openMaker,
  openWires,
  type Shortfall,
  socketShortfalls,
  tftpAddress,
  wireShortfalls,
} from './doors.ts';
import { AppError, messageOf } from './errors.ts';
import { type Api, createApi } from './http/api.ts';
import { createBootDoor } from './http/boot.ts';
import type { BootReports } from './http/boot-reports.ts';
import { createIdentity } from './identity.ts';
import { createImageService } from './images/service.ts';
import type { Log } from './log.ts';
import { createMachines, type Machines } from './machines.ts';
import { createMeters } from './meters.ts';
import { type AppView, createApiDeps } from './operator.ts';
import { loadLibc } from './os/libc.ts';
import { createSteadyClock } from './os/steady-clock.ts';
import { watchInterfaces } from './os/watch-interfaces.ts';
import { createSelfTest } from './probe/self-test.ts';
import { createStore, type Store } from './store/store.ts';

export interface AppDeps {
  readonly config: Config;
  readonly log: Log;
  readonly version: string;
  /** Serves this interface alone, as the only DHCP server of an isolated wire, whatever networks are described. */
  readonly isolated?: string;
}

export interface App {
  /** What is open, what is served, what is wrong. */
  view(): AppView;
  /** The secret of the operator's first token, when this start made it. Shown once, never logged. */
  readonly firstToken: string | undefined;
  /** Reads profiles and templates anew; true when the disk is what is served now. */
  reload(): Promise<boolean>;
  /** Ends in reverse order: no new machines, running transfers a moment, then the database. */
  close(): Promise<void>;
}

const DRAIN_MS = 2000;
const FOLLOW_MS = 1000;

/**
 * Starts everything that can be started. A door that cannot open becomes a shortfall of the view, with what would help;
 * the others work on.
 * @throws AppError `inventory-invalid` when the inventory has errors at start, `store-failed`, `disk-full`, `wire-taken`
 * and `interface-missing` for an isolated interface
 */
export async function createApp({ config: asked, log, version, isolated }: AppDeps): Promise<App> {
  const { config, shortfalls: lacking } = fitToRights(asked);
  const now = Date.now;
  const steady = createSteadyClock();
  const closers: (() => unknown)[] = [];
  /** A part that fails to close is said and keeps no other open. */
  const closeAll = async () => {
    for (const close of closers.reverse().splice(0)) {
      try {
        await close();
      } catch (error) {
        log.error({ err: error }, 'a part of the appliance did not close cleanly');
      }
    }
  };
  try {
    const store = await openStore(config, log, now);
    closers.push(store.close);
    // Read beside the files: its failure is met where it is waited for.
    const stored = store.leases.load();
    stored.catch(() => undefined);
    const meters = createMeters();
    const record: RecordEvent = (event) => {
      store.events.append(event);
      meters.observe(event);
    };
    const key = await store.key('boot-tokens');
    const deployments = await createDeployments({ store: store.deployments, key, now, record, log });
    const machines = await createMachines({ store: store.machines, now, record, log });
    closers.push(deployments.close, machines.close);
    const ports = { http: config.http.port, tftp: config.tftp.port };
    const { find, templatesOf } = deployments;
    const desk = { find, templatesOf, ...createDeploymentDesk(deployments, now) };
    const lone = isolated !== undefined && { isolated };
    const { rendered } = meters;
    const core = await createCore({ config, ports, log, record, now, deployments: desk, machines, rendered, ...lone });
    closers.push(core.close);
    refuseBrokenInventory(core);
    // From now on each has a good version to fall back on, asked for or not.
    await core.templates.compileAll();

    const identity = createIdentity(store.leases.commit, steady);
    identity.learn(await stored);
    const libc = loadLibc();
    const maker = config.dhcp.enabled ? openMaker(config.dhcp, log, libc) : undefined;
    closers.push(() => maker?.close());
    const dhcp =
      maker &&
      createDhcpServer({
        openSocket: maker.open,
        snapshot: core.inventory.snapshot,
        loadLeases: store.leases.load,
        commitLeases: identity.commitLeases,
        record,
        seen: watchBoots(deployments, machines, core, now),
        log,
        openWire: openWires(),
        learnt: await store.strategies.load(),
        keepLearnt: (learnt) => {
          store.strategies.save(learnt).catch((err: unknown) => log.error({ err }, 'what was learnt is not stored'));
        },
        now: steady,
      });
    /** What a machine fetched shows that its DHCP answer was of use. */
    const recordFetch: RecordEvent = (event) => {
      record(event);
      if (event.mac !== undefined) dhcp?.fetched(event.mac);
      desk.fetched(event, core.inventory.snapshot());
    };
    const doorDeps = { open: core.open, findMac: identity.findMac, record: recordFetch, log, now };
    const openUpload = await core.createReceiver(store.uploads);
    const selfTest = createSelfTest({ open: core.open, record: recordFetch, log, token: randomUUID(), now });
    const tested = { ...doorDeps, open: selfTest.open, record: selfTest.record, openUpload };
    const tftp = config.tftp.enabled ? createTftpDoor(config.tftp, libc, tested) : undefined;
    const reports: BootReports = {
      callback: (token, outcome, said) => deployments.callback(token, outcome, core.secrets.redact(redactToken(said))),
      beacon: deployments.beacon,
      discover: machines.add,
    };
    const bootDoor = config.http.enabled
      ? createBootDoor({ ...doorDeps, reports, takesPost: core.takesPost })
      : undefined;
    const http = bootDoor && createHttpListeners(bootDoor, config.http.port);
    closers.push(
      () => bootDoor?.close(),
      () => tftp?.close({ drainMs: DRAIN_MS }),
      () => dhcp?.close(),
    );

    let networks: readonly ServedNetwork[] = [];
    let notes: readonly string[] = [];
    let testing = Promise.resolve();
    /** Networks follow files and interfaces; sockets follow networks. */
    const follow = inTurn(async () => {
      const result = core.served();
      networks = result.served;
      notes = result.notes;
      const addresses = listenAddresses(config, networks);
      // Side by side: a door that fails keeps no other from following.
      const results = await Promise.allSettled([
        dhcp?.setNetworks(networks),
        tftp?.setAddresses(addresses.map((address) => tftpAddress(address, networks))),
        http?.setAddresses(addresses),
      ]);
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      // Not waited for: what follows must not wait for silence.
      testing = selfTest.run(tftp?.listeners() ?? []);
    }, log);
    await follow();
    if (isolated !== undefined) await refuseTakenWire(isolated, networks, dhcp, notes);

    const startedAt = now();
    let apiUrl: string | undefined;
    let apiShortfall: Shortfall | undefined;
    const view = (): AppView => ({
      version,
      startedAt,
      networks,
      notes,
      shortfalls: [
        ...lacking,
        ...socketShortfalls(dhcp, tftp, http),
        ...wireShortfalls(dhcp),
        ...selfTest.shortfalls(),
        ...(apiShortfall ? [apiShortfall] : []),
        ...loaderShortfalls(core.inventory.snapshot()),
      ],
      problems: [...core.inventory.problems(), ...core.templates.problems()],
      catalog: core.inventory.snapshot(),
      ...(dhcp && maker && { dhcp: { maker: maker.kind, because: maker.reason, listeners: dhcp.listeners() } }),
      ...(tftp && { tftp: { door: tftp.door(), listeners: tftp.listeners() } }),
      ...(http && { http: { listeners: http.status() } }),
      ...(apiUrl !== undefined && { api: { url: apiUrl } }),
    });
    if (config.api.enabled) {
      const images = createImageService({
        imagesRoot: config.paths.images,
        settings: config.images,
        // New loaders are there to be offered at once.
        onChange: () => void core.inventory.reload().catch((error) => log.error({ err: error }, 'not reloaded')),
        record,
        now,
      });
      closers.push(images.close);
      const tls = await readTls(config.api.tls);
      const api = await createApi(
        createApiDeps({ core, store, deployments, machines, dhcp, tftp, meters, images, view, log, version, now, tls }),
      );
      closers.push(api.close);
      try {
        apiUrl = await openApi(api, config.api);
      } catch (error) {
        apiShortfall = { what: `no API on ${config.api.address} port ${config.api.port}`, fix: messageOf(error) };
      }
    }

    await core.inventory.watch();
    await testing;
    const watcher = watchInterfaces({ onChange: () => void follow() });
    let seen = core.inventory.snapshot();
    const timer = setInterval(() => {
      if (core.inventory.snapshot() !== seen) void follow();
      seen = core.inventory.snapshot();
    }, FOLLOW_MS);
    closers.push(follow, watcher.close, () => clearInterval(timer));
    record({ at: now(), kind: 'server.started', summary: `Hobnail ${version} started` });
    // Last: a start that fails before nobody saw it would have spent the only chance to show it.
    const firstToken = await makeFirstToken(store);

    let closing: Promise<void> | undefined;
    return {
      view,
      firstToken,
      async reload() {
        const good = await core.inventory.reload();
        await follow();
        return good;
      },
      close() {
        closing ??= closeAll();
        return closing;
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** What DHCP sees of machines: facts for the inbox, and boots that are let in to a deployment. */
function watchBoots(
  deployments: Deployments,
  machines: Machines,
  core: Pick<Core, 'inventory'>,
  now: () => number,
): (sighting: Sighting) => void {
  return ({ client, network, answered, decision }) => {
    // A proxy hears every laptop of the house; they are no machines of ours.
    if (client.kind !== 'other' || answered) machines.learn(factsOf(client, network), core.inventory.snapshot());
    if (!answered || decision?.plan.kind === 'ignore' || decision?.assignment.kind !== 'profile') return;
    const { deployment } = decision.assignment;
    const to = client.kind === 'ipxe' ? 'ipxe' : 'firmware';
    if (deployment) deployments.notice(deployment.host, { kind: 'offer', at: now(), to });
  };
}

async function openStore(config: Config, log: Log, now: () => number): Promise<Store> {
  const { data } = config.paths;
  try {
    await mkdir(data, { recursive: true, mode: 0o750 });
  } catch (error) {
    const advice = 'Set paths.data in hobnail.yaml to a directory this user may write.';
    throw new AppError('store-failed', `cannot make the data directory ${data}: ${messageOf(error)}. ${advice}`, {
      cause: error,
    });
  }
  return createStore({ file: join(data, 'hobnail.db'), now, log, thread: true });
}

/** At start there is no last good snapshot to fall back on. */
function refuseBrokenInventory(core: Core): void {
  const problems = core.inventory.problems().filter(({ severity }) => severity === 'error');
  if (problems.length === 0) return;
  throw new AppError('inventory-invalid', 'profiles/ has problems, so nothing is served. Mend them and start again.', {
    problems,
  });
}

/** An isolated wire has no other server: a laptop with the wrong plug must not give addresses to an office. */
async function refuseTakenWire(
  name: string,
  networks: readonly ServedNetwork[],
  dhcp: DhcpServer | undefined,
  notes: readonly string[],
): Promise<void> {
  if (networks.length === 0) throw new AppError('interface-missing', notes.join('; '));
  if (!dhcp) throw new AppError('port-denied', `DHCP on ${name} needs root, or CAP_NET_BIND_SERVICE and CAP_NET_RAW.`);
  await dhcp.settled();
  const [held] = dhcp.heldBack();
  if (!held) return;
  const servers = dhcp
    .otherServers()
    .map(({ server }) => server)
    .join(', ');
  throw new AppError(
    'wire-taken',
    `${name} is not isolated: DHCP server ${servers} answers there. Unplug it, or run "hobnail serve" without --isolated.`,
  );
}

/** The first start makes the operator's login. */
async function makeFirstToken(store: Store): Promise<string | undefined> {
  const tokens = await store.tokens.list();
  return tokens.length === 0 ? store.tokens.create('admin', 'admin') : undefined;
}

/** @throws AppError `config-invalid` */
async function readTls(tls: Config['api']['tls']): Promise<{ cert: string; key: string } | undefined> {
  if (!tls) return undefined;
  try {
    const [cert, key] = await Promise.all([readFile(tls.cert, 'utf8'), readFile(tls.key, 'utf8')]);
    createSecureContext({ cert, key });
    return { cert, key };
  } catch (error) {
    const words = `api.tls cannot be used: ${messageOf(error)}. Give a certificate and its key as PEM files.`;
    throw new AppError('config-invalid', words, { cause: error });
  }
}

async function openApi(api: Api, { address, port, tls }: Config['api']): Promise<string> {
  const at = await api.listen(address, port);
  return `${tls ? 'https' : 'http'}://${address.includes(':') ? `[${address}]` : address}:${at.port}/`;
}

/** One run at a time, in the order asked for; a failure is logged and does not stop the next. */
function inTurn(work: () => Promise<void>, log: Log): () => Promise<void> {
  let last = Promise.resolve();
  return () => {
    last = last.then(work).catch((error: unknown) => {
      log.error({ err: error }, 'networks could not be brought up to date');
    });
    return last;
  };
}

/** Everything that needs no door: inventory, templates, reader, explanations. What offline commands work with. */

import { findHost } from './boot/catalog.ts';
import type { OpenContent, OpenPath, ReadOutcome } from './boot/content.ts';
import { type Assignment, assign, formatAssignment } from './boot/decide.ts';
import type { DeploymentIndex } from './boot/deployment.ts';
import type { RecordEvent } from './boot/event.ts';
import type { MachineIndex } from './boot/facts.ts';
import type { Host } from './boot/host.ts';
import { planIsolated } from './boot/isolated.ts';
import { type Network, networkSchema } from './boot/network.ts';
import { mayTakePost, type Resource, resolve, resolveWrite, rewritePath, type WriteResource } from './boot/resolve.ts';
import type { Rewriting } from './boot/rewrite.ts';
import {
  chooseServed,
  findServed,
  identityOf,
  type ServedNetwork,
  type ServedPorts,
  type ServedResult,
} from './boot/served.ts';
import type { OpenUpload, UploadIndex } from './boot/upload.ts';
import type { Config } from './config.ts';
import { planAddresses } from './dhcp/address-plan.ts';
import { type ExplainQuestion, type Explanation, explain, explainPacket } from './dhcp/explain.ts';
import { createAddressBook } from './dhcp/lease.ts';
import { selectNetwork } from './dhcp/network-choice.ts';
import type { Packet } from './dhcp/packet.ts';
import { encodeNamedOption } from './dhcp/vocabulary.ts';
import { AppError, formatProblem, type Problem } from './errors.ts';
import type { Disk } from './files/atomic-write.ts';
import { checkFiles } from './files/check.ts';
import { lookAtPath, pathsOf, type ShownPath } from './files/host-files.ts';
import { createInventory, type Inventory } from './files/inventory.ts';
import { createReader, type DeploymentDesk, openUploaded, type ReaderDeps } from './files/read.ts';
import { createReceiver } from './files/receive.ts';
import { createSecrets, type Secrets } from './files/secrets.ts';
import { createTemplates, type Templates } from './files/templates.ts';
import { createTree, type Tree } from './files/tree.ts';
import { ANY_ADDRESS, cidrContains, type Ipv4 } from './net/ipv4.ts';
import { type Mac, parseMac } from './net/mac.ts';
import { listInterfaces, looksLikeLan } from './os/interfaces.ts';

/** As much of a logger as the rooms behind no door use. */
export interface CoreLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
}

export interface CoreDeps {
  readonly config: Config;
  /** Ports machines are told; not the settings' when the process may not open those. */
  readonly ports: ServedPorts;
  readonly log: CoreLog;
  readonly record: RecordEvent;
  readonly now: () => number;
  /** What is under way; offline commands know nothing of it. */
  readonly deployments?: DeploymentsOfCore | undefined;
  readonly machines?: MachineIndex | undefined;
  /** This interface alone is served, as the only server of an isolated wire. */
  readonly isolated?: string;
  /** Edits are written to it; default: the real one. */
  readonly disk?: Disk;
  /** Told how long each file for a machine took to make. */
  readonly rendered?: ReaderDeps['rendered'];
}

type DeploymentsOfCore = DeploymentIndex & DeploymentDesk;

/** What would become of a request: each rewriting with what its path means, and what a read gets in the end. */
export interface RouteTrial {
  readonly ip: string;
  readonly mac?: Mac;
  /** One, and a second with the rules for names behind which nothing is. */
  readonly passes: readonly { readonly rewriting: Rewriting; readonly resource: Resource | WriteResource }[];
  /** For reads: size and origin of the content, or why there is none. */
  readonly outcome?: Pick<OpenContent, 'kind' | 'size' | 'origin'> | Exclude<ReadOutcome, OpenContent>;
}

export interface Core {
  readonly inventory: Inventory;
  readonly secrets: Secrets;
  readonly templates: Templates;
  readonly open: OpenPath;
  /** Whether some machine may get an answer under this path by POST. */
  takesPost(path: string): boolean;
  /** Opens uploads, after taking away what an earlier process left unfinished. Call once. */
  createReceiver(index: UploadIndex): Promise<OpenUpload>;
  /** Reads a file machines uploaded, by its name in the index. */
  openUploaded(file: string): Promise<ReadOutcome>;
  /** Networks on the interfaces as they are now. */
  served(): ServedResult;
  /**
   * What a host, or the machine with a MAC, would get under a path. The caller closes it.
   * @throws AppError `not-found` for no host and no MAC, `file-absent`, `file-refused`, or what rendering throws
   */
  render(hostOrMac: string, path: string): Promise<OpenContent>;
  /** Tries a path as if a machine asked for it by TFTP. @throws what rendering throws */
  route(
    path: string,
    asker: { readonly ip?: string; readonly mac?: Mac; readonly write?: boolean },
  ): Promise<RouteTrial>;
  /** What a host is meant to run. */
  assignmentOf(host: Host): Assignment;
  /** The same in words. */
  nextOf(host: Host): NextBoot;
  /** The paths it would ask for, and what is there. */
  pathsOf(host: Host): Promise<readonly ShownPath[]>;
  /** DHCP's answer on a network, from a fresh address book. @throws AppError `not-found` for an unknown network */
  explain(question: ExplainQuestion, network?: string): Explanation;
  /** `profiles/` and `templates/` as a whole. */
  readonly tree: Tree;
  /**
   * The same for a captured request, on the network it would belong to, or on a named one.
   * @throws AppError `not-found` for a network nobody described
   */
  explainPacket(request: Packet, network: string | undefined, bootService: boolean): Explanation;
  /** Every problem in profiles and templates. */
  check(): Promise<readonly Problem[]>;
  close(): Promise<void>;
}

/** What a host boots next: `profile rescue`, `local disk (exit)`. */
export interface NextBoot {
  readonly kind: Assignment['kind'];
  readonly text: string;
  readonly reason: string;
}

/** An address for documentation (RFC 5737), where no interface is there to lend one. */
const NOWHERE = '192.0.2.1' as Ipv4;
const INTERFACES_FRESH_MS = 1000;

/** Loads the inventory. Problems in it do not throw: they wait in `inventory.problems()`. */
export async function createCore({
  config,
  ports,
  log,
  record,
  now,
  deployments,
  machines,
  isolated,
  disk,
  rendered,
}: CoreDeps): Promise<Core> {
  const { paths } = config;
  const secrets = createSecrets(paths.secrets, process.env);
  const templates = createTemplates({
    root: paths.templates,
    report: (problems) =>
      log.warn(
        { problems: problems.map(formatProblem) },
        'a template has problems; its last good version is served, if it ever had one',
      ),
  });
  const inventory = createInventory({
    profilesRoot: paths.profiles,
    templatesRoot: paths.templates,
    imagesRoot: paths.images,
    checkOption: (name, value) => {
      const encoded = encodeNamedOption(name, value);
      return 'problem' in encoded ? encoded.problem : undefined;
    },
    live: { defaults: config.defaults, deployments, machines },
    record,
    log,
    now,
    ...(disk && { disk }),
  });
  await inventory.reload();

  const served = (): ServedResult => {
    const interfaces = listInterfaces().map((one) => ({
      name: one.name,
      addresses: one.addresses,
      lan: looksLikeLan(one),
      ipv6: one.ipv6,
    }));
    if (isolated === undefined) return chooseServed(inventory.snapshot().networks.values(), interfaces, ports);
    const plan = planIsolated(isolated, interfaces);
    return plan.kind === 'none'
      ? { served: [], notes: [plan.reason] }
      : chooseServed([plan.network], interfaces, ports);
  };
  const servedLately = fresh(INTERFACES_FRESH_MS, now, () => served().served);
  const networkOf = (ip: string, localAddress: string) => findServed(servedLately(), localAddress, ip)?.network;
  const open = createReader({
    snapshot: () => inventory.snapshot(),
    epochs: inventory.epochs,
    templates,
    imagesRoot: paths.images,
    uploadsRoot: paths.uploads,
    deployments,
    readSecret: secrets.read,
    networkOf,
    serverIdentity: (localAddress) =>
      findServed(servedLately(), localAddress)?.server ?? identityOf(localAddress, ports),
    now,
    report: (problems) => log.warn({ problems: problems.map(formatProblem) }, 'menu entries were left out'),
    rendered,
  });

  const assignmentOf = (host: Host) =>
    assign(inventory.snapshot(), { host, network: networkOfHost(servedLately(), host)?.network }).assignment;

  const route: Core['route'] = async (path, { ip: from, mac, write = false }) => {
    const catalog = inventory.snapshot();
    const host = findHost(catalog, { mac })?.host;
    const ip = from ?? host?.address ?? '0.0.0.0';
    const at = networkOfHost(servedLately(), host);
    const pass = (absent: boolean) => {
      const requester = { ip, mac, network: at?.network, write, absent };
      const rewriting = rewritePath(path, requester, catalog);
      return { rewriting, resource: (write ? resolveWrite : resolve)(path, requester, catalog) };
    };
    const identity = { ip, ...(mac && { mac }) };
    if (write) return { ...identity, passes: [pass(false)] };
    const outcome = await open(path, {
      ...identity,
      transport: 'tftp',
      localAddress: at?.address ?? NOWHERE,
      preview: true,
    });
    if (outcome.kind === 'content') await outcome.close();
    // The reader tries again only when nothing was there; the trial cannot know and shows what it would have tried.
    const first = pass(false);
    const second = pass(true);
    const differs = second.rewriting.steps.some(
      ({ because }, index) => because !== first.rewriting.steps[index]?.because,
    );
    return { ...identity, passes: differs ? [first, second] : [first], outcome };
  };

  return {
    inventory,
    secrets,
    templates,
    open,
    takesPost: (path) => mayTakePost(path, inventory.snapshot()),
    createReceiver: (index) =>
      createReceiver({
        root: paths.uploads,
        settings: config.tftp.uploads,
        snapshot: () => inventory.snapshot(),
        networkOf,
        index,
        now,
      }),
    openUploaded: (file) => openUploaded(paths.uploads, file),
    served,
    async render(hostOrMac, path) {
      const mac = parseMac(hostOrMac);
      const host = inventory.snapshot().hosts.get(hostOrMac) ?? findHost(inventory.snapshot(), { mac })?.host;
      const asker = host?.macs[0] ?? mac;
      if (!asker) throw new AppError('not-found', `there is no host "${hostOrMac}", and it is no MAC address`);
      const at = networkOfHost(servedLately(), host);
      const found = await open(path, {
        ip: host?.address ?? '0.0.0.0',
        transport: 'http',
        localAddress: at?.address ?? NOWHERE,
        mac: asker,
        preview: true,
      });
      if (found.kind === 'absent') throw new AppError('file-absent', `${path}: ${found.reason}`);
      if (found.kind === 'refused') throw new AppError('file-refused', `${path}: ${found.reason}`);
      return found;
    },
    route,
    assignmentOf,
    nextOf: (host) => {
      const next = assignmentOf(host);
      return { kind: next.kind, text: formatAssignment(next), reason: next.reason };
    },
    pathsOf: (host) => {
      const [mac] = host.macs;
      const look = async (path: string) => (await route(path, { ...(mac && { mac }) })).outcome;
      return Promise.all(pathsOf(inventory.snapshot(), host).map((path) => lookAtPath(path, look)));
    },
    explain(question, name) {
      const catalog = inventory.snapshot();
      const at = findNetwork(servedLately(), catalog.networks, name, ports);
      const book = createAddressBook(at.network.name, planAddresses(at, catalog));
      return explain(question, { served: at, book, catalog, now: now() });
    },
    explainPacket(request, name, bootService) {
      const catalog = inventory.snapshot();
      const at = name === undefined ? placeOfPacket(request, servedLately(), catalog.networks, ports) : undefined;
      const network = at ?? findNetwork(servedLately(), catalog.networks, name, ports);
      const book = createAddressBook(network.network.name, planAddresses(network, catalog));
      return explainPacket(request, { served: network, book, catalog, now: now() }, bootService);
    },
    tree: createTree({ inventory, templates, templatesRoot: paths.templates, ...(disk && { disk }) }),
    check: () => checkFiles({ inventory, templates, imagesRoot: paths.images }),
    close: () => inventory.close(),
  };
}

/** The network a host's reserved address is in, else the first. */
function networkOfHost(served: readonly ServedNetwork[], host: Host | undefined): ServedNetwork | undefined {
  const address = host?.address;
  const own = address && served.find(({ network }) => network.subnet && cidrContains(network.subnet, address));
  return own || served[0];
}

/** The named network, also when its interface is not here now; without a name the first served one. */
function findNetwork(
  served: readonly ServedNetwork[],
  networks: ReadonlyMap<string, Network>,
  name: string | undefined,
  ports: ServedPorts,
): ServedNetwork {
  const live = name === undefined ? served[0] : served.find((one) => one.network.name === name);
  if (live) return live;
  const network = name === undefined ? [...networks.values()][0] : networks.get(name);
  if (!network && name !== undefined) {
    const known = [...new Set([...served.map((one) => one.network.name), ...networks.keys()])].join(', ') || 'none';
    throw new AppError('not-found', `there is no network "${name}"; known: ${known}`);
  }
  const chosen = network ?? {
    name: 'default',
    ...networkSchema.parse({ interface: 'any', mode: 'proxy', unknown: 'menu' }),
  };
  const address = chosen.serverAddress ?? chosen.router ?? NOWHERE;
  const prefix = chosen.subnet?.prefix ?? 24;
  return {
    network: chosen,
    interface: chosen.interface ?? 'none',
    address,
    prefix,
    ipv6: false,
    server: identityOf(address, ports),
  };
}

/** The network a captured request belongs to, also when its interface is not here; undefined when it names none. */
function placeOfPacket(
  request: Packet,
  served: readonly ServedNetwork[],
  networks: ReadonlyMap<string, Network>,
  ports: ServedPorts,
): ServedNetwork | undefined {
  const elsewhere = [...networks.keys()].filter((name) => !served.some(({ network }) => network.name === name));
  const all = [...served, ...elsewhere.map((name) => findNetwork(served, networks, name, ports))];
  const choice = selectNetwork(all, all[0]?.interface ?? '', request);
  if (choice.kind === 'served') return choice.served;
  if (request.giaddr !== ANY_ADDRESS) throw new AppError('not-found', `${choice.reason}; name one with --network`);
  return undefined;
}

/** A value looked up again only when it is older than that. */
function fresh<T>(lifetimeMs: number, now: () => number, look: () => T): () => T {
  let seen: { readonly value: T; readonly at: number } | undefined;
  return () => {
    const age = seen ? now() - seen.at : Number.POSITIVE_INFINITY;
    if (!seen || age > lifetimeMs || age < 0) seen = { value: look(), at: now() };
    return seen.value;
  };
}

/** What operators see of the running appliance: one view behind the banner, the API and the page. */

import type { Catalog } from './boot/catalog.ts';
import { chooseArchitecture } from './boot/client.ts';
import { sourcesOf } from './boot/origins.ts';
import type { ServedNetwork } from './boot/served.ts';
import type { Core } from './core.ts';
import type { Deployments } from './deployments.ts';
import type { SendTarget } from './dhcp/destination.ts';
import type { ExplainQuestion, Explanation } from './dhcp/explain.ts';
import type { DhcpServer } from './dhcp/server.ts';
import type { HttpListeners, Shortfall } from './doors.ts';
import { AppError, type Problem } from './errors.ts';
import { checkParams } from './files/params.ts';
import type {
  ApiDeps,
  Explanation as ApiExplanation,
  DoorStatus,
  ExplainFacts,
  ImageAccess,
  Labels,
  Metric,
} from './http/api-deps.ts';
import type { Log } from './log.ts';
import type { Machines } from './machines.ts';
import type { Meters } from './meters.ts';
import type { MakerKind } from './os/datagram.ts';
import type { Store } from './store/store.ts';
import type { TftpDoorStatus } from './tftp/fast-server.ts';
import type { TftpServer } from './tftp/server.ts';
import { createOperatorPage } from './ui/page.ts';

/** The running appliance at one moment. */
export interface AppView {
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly networks: readonly ServedNetwork[];
  /** Networks and interfaces that are not served, and why. */
  readonly notes: readonly string[];
  readonly shortfalls: readonly Shortfall[];
  readonly problems: readonly Problem[];
  readonly dhcp?: {
    readonly maker: MakerKind;
    readonly because: string;
    readonly listeners: ReturnType<DhcpServer['listeners']>;
  };
  readonly tftp?: { readonly door: TftpDoorStatus; readonly listeners: ReturnType<TftpServer['listeners']> };
  readonly http?: { readonly listeners: ReturnType<HttpListeners['status']> };
  readonly api?: { readonly url: string };
  readonly catalog: Catalog;
}

export interface OperatorParts {
  readonly core: Core;
  readonly store: Store;
  readonly deployments: Deployments;
  readonly machines: Machines;
  readonly dhcp: DhcpServer | undefined;
  readonly tftp: TftpServer | undefined;
  /** Default: nothing is timed. */
  readonly meters?: Pick<Meters, 'metrics' | 'answered'> | undefined;
  readonly images: ImageAccess;
  readonly view: () => AppView;
  readonly log: Log;
  readonly version: string;
  readonly now: () => number;
  /** Of the API's listener, in PEM. */
  readonly tls?: ApiDeps['tls'];
}

export function createApiDeps(parts: OperatorParts): ApiDeps {
  const { core, store, dhcp, tftp, view } = parts;
  return {
    // Faults of templates beside those of profiles: operators look for both in one place.
    inventory: { ...core.inventory, problems: () => view().problems },
    tree: { ...core.tree, check: core.check },
    leases: (query) => dhcp?.leases(query) ?? [],
    strategies: () => dhcp?.strategies() ?? [],
    freeLease: async (network, address) => dhcp?.freeLease(network, address),
    explain: (facts) => {
      const question = questionOf(facts);
      const network = facts.network ?? view().networks[0]?.network.name;
      const live = network === undefined ? undefined : dhcp?.explain(question, network);
      return viewExplanation(live ?? core.explain(question, facts.network));
    },
    render: core.render,
    nextOf: core.nextOf,
    pathsOf: core.pathsOf,
    events: store.events,
    tokens: store.tokens,
    deployments: parts.deployments.access({
      snapshot: core.inventory.snapshot,
      check: (profile, vars) => checkParams(profile.params, vars),
      pin: core.templates.pin,
    }),
    inbox: parts.machines.inbox(core.inventory),
    secrets: core.secrets,
    audit: store.audit,
    tls: parts.tls,
    uploads: {
      list: store.uploads.list,
      async open(id) {
        const upload = await store.uploads.get(id);
        if (!upload) throw new AppError('not-found', `There is no upload "${id}".`);
        return { upload, outcome: await core.openUploaded(upload.file) };
      },
    },
    images: parts.images,
    status: () => ({ startedAt: view().startedAt, doors: doorsOf(view()), notReady: notReady(view()) }),
    counters: () => [
      ...dhcpMetrics(dhcp?.counters() ?? {}),
      ...metricsOf('hobnail_tftp', 'TFTP', { ...tftp?.counters() }),
      ...(parts.meters?.metrics() ?? []),
      gauge('hobnail_leases', 'Leases on record', dhcp?.leaseCount() ?? 0),
      gauge('hobnail_hosts', 'Hosts in the catalog', core.inventory.snapshot().hosts.size),
    ],
    page: createOperatorPage(),
    answered: parts.meters?.answered,
    log: parts.log,
    version: parts.version,
    now: parts.now,
  };
}

/** A machine from what people say of it: iPXE by its user class, HTTP boot by its architecture, else PXE firmware. */
export function questionOf(facts: ExplainFacts): ExplainQuestion {
  const { mac, arch, vendorClass, userClass, uuid } = facts;
  const isHttp = arch !== undefined && chooseArchitecture([arch])?.transport === 'http';
  const kind = userClass !== undefined && /ipxe/i.test(userClass) ? 'ipxe' : isHttp ? 'http' : 'pxe';
  return {
    mac,
    kind,
    ...(arch !== undefined && { archCodes: [arch] }),
    ...(vendorClass !== undefined && { vendorClass }),
    ...(userClass !== undefined && { userClass }),
    ...(uuid !== undefined && { uuid }),
  };
}

/** As the API and `-o json` show it. */
export type ExplanationView = ApiExplanation;

export function viewExplanation({ outcome, reason, decision, request, reply }: Explanation): ExplanationView {
  const plan = decision?.plan;
  const profile = decision?.assignment.kind === 'profile' ? decision.assignment.profile.name : undefined;
  return {
    decision: { kind: plan?.kind ?? outcome.kind, reason: plan?.reason ?? reason },
    host: decision?.host?.name,
    profile,
    rules: decision?.rules ?? [],
    values: decision ? sourcesOf(decision) : [],
    answer: reason,
    request,
    ...(reply && {
      reply: {
        ...{ words: reply.lines, hex: reply.hex, sentTo: formatTarget(reply.target), notes: reply.notes },
        ...(reply.routerWait && { routerWait: reply.routerWait }),
      },
    }),
  };
}

function formatTarget(target: SendTarget): string {
  switch (target.kind) {
    case 'address':
      return `${target.address} port ${target.port}`;
    case 'broadcast':
      return `everybody on the wire, port ${target.port}`;
    case 'hardware':
      return `${target.address} port ${target.port}, at ${target.mac}`;
    default:
      return target satisfies never;
  }
}

function doorsOf(view: AppView): readonly DoorStatus[] {
  const modes = new Map(view.networks.map(({ interface: name, network }) => [name, network.mode]));
  return [
    ...(view.dhcp?.listeners ?? []).map(({ interface: name, address, port, socket, problem }) => ({
      name: modes.get(name) === 'proxy' ? 'proxy' : 'dhcp',
      address,
      port,
      interface: name,
      maker: socket?.maker,
      failed: problem,
    })),
    ...(view.tftp?.listeners ?? []).map(({ address, port, problem }) => ({
      name: 'tftp',
      address,
      port,
      maker: view.tftp?.door.kind,
      failed: problem,
    })),
    ...(view.http?.listeners ?? []).map(({ address, port, problem }) => ({
      name: 'http',
      address,
      port,
      failed: problem,
    })),
  ];
}

function notReady(view: AppView): readonly string[] {
  return view.shortfalls.map(({ what, fix }) => `${what}: ${fix}`);
}

/** `received_discover` and the like are one metric with the message as its label. */
function dhcpMetrics(counters: Readonly<Record<string, number>>): readonly Metric[] {
  const byMessage = (prefix: string) =>
    Object.entries(counters)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => ({ labels: { message: name.slice(prefix.length) }, value }));
  const { received: _, ...others } = counters;
  const rest = Object.entries(others).filter(([name]) => !/^(?:received|sent)_/.test(name));
  return [
    metric('hobnail_dhcp_datagrams_total', 'Datagrams at the DHCP ports', [{ value: counters.received ?? 0 }]),
    metric('hobnail_dhcp_received_total', 'DHCP messages that were understood', byMessage('received_')),
    metric('hobnail_dhcp_sent_total', 'DHCP answers that left', byMessage('sent_')),
    ...metricsOf('hobnail_dhcp', 'DHCP', Object.fromEntries(rest)),
  ];
}

function metric(name: string, help: string, samples: readonly { labels?: Labels; value: number }[]): Metric {
  return { name, help, kind: 'counter', samples };
}

function metricsOf(prefix: string, label: string, counters: Readonly<Record<string, number>>): readonly Metric[] {
  return Object.entries(counters)
    .filter(([, value]) => typeof value === 'number')
    .map(([name, value]) => {
      const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const help = `${label}: ${snake.replaceAll('_', ' ')}, since the start`;
      return metric(`${prefix}_${snake}_total`, help, [{ value }]);
    });
}

function gauge(name: string, help: string, value: number): Metric {
  return { name, help, kind: 'gauge', samples: [{ value }] };
}

/** The house around the operator API, in memory. */

import { pino } from 'pino';
import { parse } from 'yaml';
import type { StoredAuditEntry } from '../../src/boot/audit.ts';
import { buildCatalog } from '../../src/boot/catalog.ts';
import type { BootEvent, StoredEvent } from '../../src/boot/event.ts';
import { hostSchema } from '../../src/boot/host.ts';
import type { Lease } from '../../src/boot/lease.ts';
import { networkSchema } from '../../src/boot/network.ts';
import type { TokenInfo } from '../../src/boot/token.ts';
import type { IndexedUpload } from '../../src/boot/upload.ts';
import { createDeployments } from '../../src/deployments.ts';
import { AppError } from '../../src/errors.ts';
import { checkParams } from '../../src/files/params.ts';
import { mergePatch } from '../../src/files/yaml-edit.ts';
import { createApi } from '../../src/http/api.ts';
import type {
  ApiDeps,
  EventAccess,
  ImageAccess,
  ImageJobState,
  InventoryAccess,
  Metric,
  TreeAccess,
  UploadAccess,
} from '../../src/http/api-deps.ts';
import { createMachines } from '../../src/machines.ts';
import { type Ipv4, ipv4ToNumber } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';
import { createStore } from '../../src/store/store.ts';
import { profilesOf } from '../support/catalogs.ts';
import { textContent } from './boot-fixtures.ts';

export const NOW = 1_800_000_000_000;
export const WEB_MAC = '52:54:00:aa:00:01' as Mac;
export const ROLES = { 'view-secret': 'viewer', 'op-secret': 'operator', 'admin-secret': 'admin' } as const;

/** Hosts in memory, with revisions that count up and the checks the API relies on. */
export function memoryInventory(): InventoryAccess {
  const files = new Map<string, { document: Record<string, unknown>; revision: string }>([
    ['web-1', { document: { macs: [WEB_MAC], profile: 'debian', labels: { rack: 'a1' } }, revision: 'r1' }],
    ['web-2', { document: { macs: ['52-54-00-AA-00-02'], labels: { rack: 'b2' }, notes: 'spare' }, revision: 'r2' }],
    ['db', { document: { macs: ['5254.00aa.0003'], serial: 'XYZ-9', policy: 'local' }, revision: 'r3' }],
  ]);
  let revisions = 3;
  const inventory: InventoryAccess = {
    snapshot() {
      return buildCatalog({
        hosts: Array.from(files, ([name, { document }]) => ({ ...hostSchema.parse(document), name })),
        profiles: profilesOf({ debian: { kind: 'install', kernel: 'debian/linux' }, rescue: { kind: 'rescue' } }),
        networks: [
          {
            ...networkSchema.parse({ mode: 'server', subnet: '10.77.0.0/24', pools: ['10.77.0.100-10.77.0.200'] }),
            name: 'lan',
          },
        ],
        routes: [],
        installed: new Set(),
      }).catalog;
    },
    problems: () => [{ severity: 'warning', file: 'profiles/web.yaml', line: 3, message: 'is old' }],
    async readObject(kind, name) {
      const file = kind === 'host' ? files.get(name) : undefined;
      if (!file) throw new AppError('not-found', `There is no file for ${kind} "${name}".`);
      return { kind, name, text: JSON.stringify(file.document), ...file };
    },
    reload: async () => false,
    async writeObject(kind, name, change, { ifMatch } = {}) {
      const before = files.get(name);
      if (change.kind === 'create' && before)
        throw new AppError('already-exists', `There is a host "${name}" already.`);
      if (ifMatch !== undefined && before?.revision !== ifMatch) throw new AppError('revision-stale', 'Changed.');
      const document =
        change.kind === 'merge'
          ? (mergePatch(before?.document, change.patch) as Record<string, unknown>)
          : change.kind === 'text'
            ? parse(change.text)
            : { ...change.document };
      const parsed = hostSchema.safeParse(document);
      if (!parsed.success || document.profile === 'ghost') {
        throw new AppError('inventory-invalid', 'The host is not valid.', {
          problems: [
            { severity: 'error', file: `profiles/hosts/${name}.yaml`, message: 'there is no profile "ghost"' },
          ],
        });
      }
      const file = { document, revision: `r${++revisions}` };
      files.set(name, file);
      return { kind, name, text: JSON.stringify(document), ...file };
    },
    async deleteObject(_kind, name, { ifMatch } = {}) {
      if (files.get(name)?.revision !== ifMatch) throw new AppError('revision-stale', 'Changed.');
      files.delete(name);
    },
  };
  return inventory;
}

export function memoryEvents(): EventAccess & {
  readonly all: StoredEvent[];
  readonly listeners: Set<unknown>;
  append(event: BootEvent): void;
} {
  const all: StoredEvent[] = [];
  const listeners = new Set<(event: StoredEvent) => void>();
  return {
    all,
    listeners,
    append(event) {
      const stored = { ...event, id: all.length + 1 };
      all.push(stored);
      for (const listener of listeners) listener(stored);
    },
    async list({ after, before, mac, host, kinds, limit }) {
      const found = all
        .filter((event) => mac === undefined || event.mac === mac)
        .filter((event) => host === undefined || event.host === host)
        .filter((event) => kinds === undefined || kinds.includes(event.kind))
        .filter((event) => after === undefined || event.id > after)
        .filter((event) => before === undefined || event.id < before);
      return after === undefined ? found.slice(-limit) : found.slice(0, limit);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

export const LEASES: readonly Lease[] = ['10.77.0.101', '10.77.0.20'].map((address, index) => ({
  network: 'lan',
  address: address as Ipv4,
  mac: index === 0 ? WEB_MAC : ('52:54:00:ff:ff:ff' as Mac),
  state: 'bound',
  startsAt: NOW - 1000,
  expiresAt: index === 0 ? NOW + 1000 : NOW - 1,
}));

/** A list as the appliance gives it, by sorting all of them. */
export function listOf(all: readonly Lease[]): ApiDeps['leases'] {
  const place = ({ address }: Pick<Lease, 'address'>) => ipv4ToNumber(address);
  return ({ network, active, after, limit }) =>
    all
      .filter((lease) => network === undefined || lease.network === network)
      .filter((lease) => active === undefined || active === (lease.state === 'bound' && lease.expiresAt > NOW))
      .filter((lease) => !after || place(lease) > place(after))
      .sort((a, b) => place(a) - place(b))
      .slice(0, limit);
}

/** Two versions of one name, and a file that an operator took away. */
function memoryUploads(): UploadAccess {
  const all: readonly IndexedUpload[] = ['backups/r1.20270115T080000Z-1', 'backups/r1.20270115T090000Z-1', 'gone'].map(
    (file, index) => ({
      id: `u${index + 1}`,
      file,
      path: file.split('.')[0] ?? file,
      size: 8,
      sha256: '00'.repeat(32),
      ip: '10.77.0.101',
      mac: WEB_MAC,
      ...(index < 2 && { host: 'web-1' }),
      transport: 'tftp',
      at: NOW - 1000,
      seenAt: NOW,
      times: 2,
    }),
  );
  return {
    list: async ({ host, prefix = '', after = '', limit }) =>
      all
        .filter((one) => (host === undefined || one.host === host) && one.file.startsWith(prefix) && one.file > after)
        .slice(0, limit),
    async open(id) {
      const upload = all.find((one) => one.id === id);
      if (!upload) throw new AppError('not-found', `There is no upload "${id}".`);
      if (upload.file === 'gone') return { upload, outcome: { kind: 'absent', reason: 'there is no gone' } };
      return { upload, outcome: textContent('secret 7') };
    },
  };
}

/** One image, and jobs that never end by themselves. */
export function memoryImages(): ImageAccess {
  const jobs = new Map<string, ImageJobState>();
  const known = (reference: string) => {
    if (reference !== 'ipxe') throw new AppError('not-found', `The catalogue has no image "${reference}".`);
  };
  return {
    list: async () => [
      {
        reference: 'ipxe',
        name: 'ipxe',
        kind: 'loader',
        about: 'iPXE',
        licence: 'GPL-2.0-or-later',
        source: 'package ipxe',
        state: 'part',
        bytes: 7,
        files: [{ to: 'ipxe/snponly.efi', present: false }],
      },
    ],
    async pull(references) {
      references.forEach(known);
      const id = `j${jobs.size + 1}`;
      const files = [{ image: 'ipxe', file: 'x', phase: 'fetch' as const, done: 5, total: 10 }];
      const job = { id, references, state: 'running' as const, startedAt: NOW, files, outcomes: [] };
      jobs.set(id, job);
      return job;
    },
    jobs: () => [...jobs.values()],
    job: (id) => jobs.get(id),
    stop(id) {
      const job = jobs.get(id);
      return job && { ...job, state: 'stopped', endedAt: NOW };
    },
    async verify(references) {
      references.forEach(known);
      return [{ to: 'ipxe/snponly.efi', image: 'ipxe', state: 'gone' }];
    },
    async remove(reference, force) {
      known(reference);
      return force ? { removed: ['ipxe/snponly.efi'], kept: [] } : { removed: [], kept: ['ipxe/snponly.efi'] };
    },
  };
}

const COUNTERS: readonly Metric[] = [
  {
    name: 'hobnail_dhcp_replies_total',
    help: 'DHCP replies by kind',
    kind: 'counter',
    samples: [
      { labels: { kind: 'offer' }, value: 2 },
      { labels: { kind: 'ack' }, value: 1 },
    ],
  },
  { name: 'hobnail_tftp_transfers', help: 'Running transfers', kind: 'gauge', samples: [{ value: 4 }] },
];

export async function startApi(overrides: Partial<ApiDeps> = {}) {
  const events = memoryEvents();
  const inventory = memoryInventory();
  const logged: Record<string, unknown>[] = [];
  const silent = { warn: () => undefined, error: () => undefined };
  const store = await createStore({ file: ':memory:', now: () => NOW, log: silent });
  const kept = { now: () => NOW, record: () => undefined, log: silent };
  const deployments = await createDeployments({ ...kept, store: store.deployments, key: await store.key('test') });
  const machines = await createMachines({ ...kept, store: store.machines });
  const tokenList: TokenInfo[] = [{ name: 'the-admin', role: 'admin', createdAt: NOW }];
  const audited: StoredAuditEntry[] = [];
  const api = await createApi({
    inventory,
    // Those routes are tried on the real house.
    tree: {} as TreeAccess,
    events,
    leases: listOf(LEASES),
    strategies: () => [{ key: '52:54:00:00:00:01', strategy: 'b', at: 1 }],
    freeLease: async (network, address) =>
      LEASES.find((lease) => lease.network === network && lease.address === address),
    explain: (facts) => ({
      decision: { kind: 'loader', reason: `arch ${facts.arch}` },
      host: facts.mac === WEB_MAC ? 'web-1' : undefined,
      rules: [{ rule: 'known host', matched: true, because: 'by its mac' }],
      values: [
        { field: 'loader', value: 'grub', origin: { level: 'quirk' }, over: [{ level: 'group', name: 'rack' }] },
      ],
      answer: 'OFFER',
      request: ['op 1'],
      reply: { words: ['option 67 bootfile: ipxe/undionly.kpxe'], hex: '0201', sentTo: 'everybody', notes: [] },
    }),
    nextOf: ({ profile }) => ({ kind: 'profile', text: `profile ${profile}`, reason: 'it is assigned' }),
    pathsOf: async () => [{ path: 'boot.ipxe', kind: 'template', from: 'x', when: 'now', size: 1 }],
    render: async (host, path) => {
      if (path === 'bug') throw new TypeError('undefined is not a function');
      if (path !== 'boot.ipxe') return { kind: 'absent', reason: 'no file route matches' };
      return textContent(`#!ipxe for ${host}\n`);
    },
    tokens: {
      async verify(secret) {
        const role = Object.hasOwn(ROLES, secret) ? ROLES[secret as keyof typeof ROLES] : undefined;
        return role && { name: `the-${role}`, role };
      },
      list: async () => tokenList,
      async create(name, role) {
        tokenList.push({ name, role, createdAt: NOW });
        return `secret of ${name}`;
      },
      async revoke(name) {
        tokenList.splice(
          tokenList.findIndex((one) => one.name === name),
          1,
        );
        return true;
      },
    },
    audit: {
      append: async (entry) => void audited.unshift({ ...entry, id: audited.length + 1 }),
      list: async ({ target, who, before = Number.MAX_SAFE_INTEGER, limit }) =>
        audited
          .filter((one) => (target === undefined || one.target === target) && (who === undefined || one.who === who))
          .filter((one) => one.id < before)
          .slice(0, limit),
    },
    uploads: memoryUploads(),
    deployments: deployments.access({
      snapshot: inventory.snapshot,
      check: (profile, vars) => checkParams(profile.params, vars),
    }),
    inbox: machines.inbox(inventory),
    secrets: { list: async () => [], write: async () => undefined, remove: async () => false },
    images: memoryImages(),
    status: () => ({
      startedAt: NOW - 5000,
      doors: [{ name: 'tftp', address: '10.77.0.1', port: 69, maker: 'portable' }],
      notReady: [],
    }),
    counters: () => COUNTERS,
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(JSON.parse(line)) }),
    version: '1.2.3',
    now: () => NOW,
    processMetrics: false,
    ...overrides,
  });

  type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'HEAD';
  /** Asks under `/api/v1` as operator, unless another token, or none (''), is given. */
  async function ask(
    method: Method,
    path: string,
    {
      token = 'op-secret',
      body,
      headers = {},
    }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ) {
    return await api.inject({
      method,
      url: `/api/v1${path}`,
      headers: { ...(token && { authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && { payload: body as object }),
    });
  }
  return { api, ask, audited, events, inventory, logged };
}

/** The house as files on this machine, whether the appliance runs or not. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { createTwoFilesPatch } from 'diff';
import type { AuditEntry } from '../boot/audit.ts';
import type { ObjectKind } from '../boot/edit.ts';
import type { Host } from '../boot/host.ts';
import type { TreeEdit } from '../boot/tree.ts';
import type { Core } from '../core.ts';
import { AppError } from '../errors.ts';
import { parseMac } from '../net/mac.ts';
import { questionOf, viewExplanation } from '../operator.ts';
import type { Store } from '../store/store.ts';
import type { Cli } from './cli.ts';
import type { EditView, House, ListedKind, Rendered } from './house.ts';
import { rowOf } from './object-rows.ts';
import { requireGoodFiles, withCore } from './offline.ts';

export async function openFiles<T>(cli: Cli, use: (house: House) => Promise<T>): Promise<T> {
  return withCore(cli, (core) => use(houseOf(cli, core)));
}

function houseOf(cli: Cli, core: Core): House {
  const { inventory, tree } = core;
  /** What is worked out from half-read files would mislead. */
  const good = () => {
    requireGoodFiles(core);
    return inventory.snapshot();
  };
  const hostOf = (id: string): Host => {
    const { hosts, hostByMac } = good();
    const mac = parseMac(id);
    const found = hosts.get(id) ?? (mac && hostByMac.get(mac));
    if (!found) throw new AppError('not-found', `there is no host "${id}"; "hobnail host ls" lists them`);
    return found;
  };
  const changed = (name: string) => ({ name, next: core.nextOf(hostOf(name)) });
  const isThere = (kind: ObjectKind, name: string) =>
    inventory.readObject(kind, name).then(
      () => true,
      () => false,
    );

  return {
    async listHosts() {
      const hosts = [...good().hosts.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
      return hosts.map((host) => ({
        name: host.name,
        macs: host.macs,
        profile: host.profile,
        next: core.nextOf(host),
      }));
    },
    async readHost(id) {
      const host = hostOf(id);
      const { document, revision } = await inventory.readObject('host', host.name);
      return { name: host.name, document, revision, next: core.nextOf(host) };
    },
    async createHost(name, document) {
      good();
      await inventory.writeObject('host', name, { kind: 'create', document });
      return changed(name);
    },
    async mergeHost(id, patch) {
      const { name } = hostOf(id);
      await inventory.writeObject('host', name, { kind: 'merge', patch });
      return changed(name);
    },
    async removeHost(id) {
      const { name } = hostOf(id);
      await inventory.deleteObject('host', name);
      return name;
    },
    async pathsOfHost(id) {
      const host = hostOf(id);
      return { name: host.name, files: await core.pathsOf(host) };
    },
    async listObjects(kind) {
      const catalog = good();
      const used = Map.groupBy(catalog.hosts.values(), ({ profile }) => profile);
      const views: Record<ListedKind, readonly object[]> = {
        profile: [...catalog.profiles.values()].map((one) => ({ ...one, hosts: used.get(one.name)?.length ?? 0 })),
        group: catalog.groups,
        network: [...catalog.networks.values()],
      };
      return views[kind].map((view) => rowOf(kind, view)).sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
    },
    readObject: (kind, name) => inventory.readObject(kind, name),
    async addObject(kind, name, text) {
      good();
      if (await isThere(kind, name)) throw new AppError('already-exists', `there is a ${kind} "${name}" already`);
      await inventory.writeObject(kind, name, { kind: 'text', text });
    },
    async mergeObject(kind, name, patch) {
      good();
      return await inventory.writeObject(kind, name, { kind: 'merge', patch });
    },
    async removeObject(kind, name) {
      good();
      await inventory.deleteObject(kind, name);
    },
    async explain({ network, ...machine }) {
      good();
      return viewExplanation(core.explain(questionOf(machine), network));
    },
    async render(hostOrMac, path) {
      good();
      return readAll(await core.render(hostOrMac, path));
    },
    async check() {
      const { hosts, profiles, networks } = inventory.snapshot();
      const counts = { hosts: hosts.size, profiles: profiles.size, networks: networks.size };
      return { problems: await core.check(), counts };
    },
    async plan(change) {
      good();
      return (await tree.plan(change)).map(viewEdit);
    },
    async apply(change) {
      good();
      return (await tree.apply(change)).map(viewEdit);
    },
    async impact(change, limit) {
      good();
      const { edits, machines, changed } = await tree.impact(change, limit);
      return {
        edits: edits.map(viewEdit),
        changed,
        machines: machines.map(({ files, ...one }) => ({
          ...one,
          files: files.map(({ path, before, after, problem }) => ({
            path,
            ...(before !== undefined && { beforeBytes: Buffer.byteLength(before) }),
            ...(after !== undefined && { afterBytes: Buffer.byteLength(after) }),
            diff: diffOf(path, before, after),
            ...(problem !== undefined && { problem }),
          })),
        })),
      };
    },
    exportFiles: () => tree.exportFiles(),
    listTokens: () => withStore(cli, ({ tokens }) => tokens.list()),
    addToken: (name, role) =>
      withStore(cli, async ({ tokens, audit }) => {
        const made = await tokens.create(name, role);
        await audit.append({ ...entryOf('hobnail token add', name), after: role });
        return made;
      }),
    removeToken: (name) =>
      withStore(cli, async ({ tokens, audit }) => {
        const gone = await tokens.revoke(name);
        if (!gone) throw new AppError('not-found', `there is no token "${name}"; see "hobnail token ls"`);
        await audit.append(entryOf('hobnail token rm', name));
      }),
  };
}

async function readAll(content: Awaited<ReturnType<Core['render']>>): Promise<Rendered> {
  try {
    const bytes = content.bytes ?? new Uint8Array(content.size);
    for (let at = content.bytes ? content.size : 0; at < content.size; ) {
      const count = await content.read(bytes.subarray(at), at);
      if (count === 0) break;
      at += count;
    }
    return { bytes, contentType: content.contentType, origin: content.origin };
  } finally {
    await content.close();
  }
}

function viewEdit({ file, before, after }: TreeEdit): EditView {
  const change = before === undefined ? 'create' : after === undefined ? 'delete' : 'change';
  return { file, change, diff: diffOf(file, before, after) };
}

function diffOf(name: string, before = '', after = ''): string {
  return createTwoFilesPatch(name, name, before, after, undefined, undefined, { context: 3 });
}

/** Who may read the database's file may do everything. */
function entryOf(action: string, name: string): AuditEntry {
  const who = `shell:${userInfo().username}`;
  return { at: Date.now(), who, role: 'admin', action, target: `token ${name}`, status: 200 };
}

async function withStore<T>(cli: Cli, use: (store: Store) => Promise<T>): Promise<T> {
  const { data } = cli.config().config.paths;
  const { createStore } = await import('../store/store.ts');
  const store = await createStore({
    file: join(data, 'hobnail.db'),
    now: Date.now,
    log: { warn: (message: unknown) => cli.output().note(String(message)) },
  });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

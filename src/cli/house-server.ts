/** The house by the API of a running server. What is read is changed under its revision: two editors at once are told. */
import type { ObjectFile, PlainObject } from '../boot/edit.ts';
import type { TokenInfo } from '../boot/token.ts';
import type { TreeChange } from '../boot/tree.ts';
import type { NextBoot } from '../core.ts';
import type { Problem } from '../errors.ts';
import type { ShownPath } from '../files/host-files.ts';
import type { ExplanationView } from '../operator.ts';
import type { Cli } from './cli.ts';
import type { Counts, EditView, House, ImpactView, ListedHost } from './house.ts';
import { rowOf } from './object-rows.ts';
import { askAll, connect, type Remote } from './remote.ts';

const YAML = 'application/yaml';

export function openServer(cli: Cli): House {
  const remote = connect(cli);
  const { ask } = remote;
  const changed = async (name: string) => {
    const { next } = await nextOf(remote, name);
    return { name, next };
  };

  return {
    listHosts: () => askAll<ListedHost>(remote, '/hosts', {}),
    async readHost(id) {
      const { body, revision } = await readWhole<PlainObject & { name: string }>(remote, hostPath(id));
      const { name, ...document } = body;
      return { name, document, revision, next: (await nextOf(remote, name)).next };
    },
    async createHost(name, document) {
      await ask('POST', '/hosts', { name, ...document });
      return changed(name);
    },
    async mergeHost(id, patch) {
      const { body, revision } = await readWhole<{ name: string }>(remote, hostPath(id));
      await ask('PATCH', hostPath(body.name), patch, { 'if-match': `"${revision}"` });
      return changed(body.name);
    },
    async removeHost(id) {
      const { body, revision } = await readWhole<{ name: string }>(remote, hostPath(id));
      await ask('DELETE', hostPath(body.name), undefined, { 'if-match': `"${revision}"` });
      return body.name;
    },
    async pathsOfHost(id) {
      const found = await ask<{ host: string; items: readonly ShownPath[] }>('GET', `${hostPath(id)}/files`);
      return { name: found.host, files: found.items };
    },
    async listObjects(kind) {
      const views = await askAll<object>(remote, `/${kind}s`, {});
      return views.map((view) => rowOf(kind, view)).sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
    },
    readObject: (kind, name) => readFileOf(remote, kind, name),
    async addObject(kind, name, text) {
      const path = `/${kind}s/${encodeURIComponent(name)}`;
      await remote.send('PUT', path, { text, type: YAML, headers: { 'if-none-match': '*' } });
    },
    async mergeObject(kind, name, patch) {
      const { revision } = await readFileOf(remote, kind, name);
      const path = `/${kind}s/${encodeURIComponent(name)}`;
      await ask('PATCH', path, patch, { 'if-match': `"${revision}"` });
      return readFileOf(remote, kind, name);
    },
    async removeObject(kind, name) {
      const { revision } = await readFileOf(remote, kind, name);
      const path = `/${kind}s/${encodeURIComponent(name)}`;
      await ask('DELETE', path, undefined, { 'if-match': `"${revision}"` });
    },
    explain: (question) => ask<ExplanationView>('POST', '/explain', question),
    async render(hostOrMac, path) {
      // As one segment: a URL with ".." in it would be another one before it is sent.
      const response = await remote.send('GET', `${hostPath(hostOrMac)}/files/${encodeURIComponent(path)}`);
      return {
        bytes: new Uint8Array(await response.arrayBuffer()),
        contentType: response.headers.get('content-type') ?? '',
        origin: decodeURI(response.headers.get('hobnail-origin') ?? ''),
      };
    },
    async check() {
      const { problems } = await ask<{ problems: readonly Problem[] }>('POST', '/validate');
      const { objects } = await ask<{ objects: Counts }>('GET', '/status');
      return { problems, counts: objects };
    },
    plan: (change) => editsOf(ask('POST', '/plan', bodyOf(change))),
    apply: (change) => editsOf(ask('POST', '/apply', bodyOf(change))),
    impact: (change, limit) => ask<ImpactView>('POST', `/impact?limit=${limit}`, bodyOf(change)),
    exportFiles: async () => (await ask<{ files: Readonly<Record<string, string>> }>('GET', '/export')).files,
    listTokens: () => askAll<TokenInfo>(remote, '/tokens', {}),
    addToken: async (name, role) => (await ask<{ token: string }>('POST', '/tokens', { name, role })).token,
    removeToken: (name) => ask('DELETE', `/tokens/${encodeURIComponent(name)}`),
  };
}

function hostPath(id: string): string {
  return `/hosts/${encodeURIComponent(id)}`;
}

async function nextOf({ ask }: Remote, id: string): Promise<{ readonly name: string; readonly next: NextBoot }> {
  const { host, ...next } = await ask<NextBoot & { host: string }>('GET', `${hostPath(id)}/next`);
  return { name: host, next };
}

async function readWhole<T>(remote: Remote, path: string): Promise<{ readonly body: T; readonly revision: string }> {
  const response = await remote.send('GET', path);
  return { body: (await response.json()) as T, revision: revisionOf(response) };
}

/** With its document: the text to the letter, and what it says. */
async function readFileOf(remote: Remote, kind: ObjectFile['kind'], name: string): Promise<ObjectFile> {
  const path = `/${kind}s/${encodeURIComponent(name)}`;
  const response = await remote.send('GET', path, { headers: { accept: YAML } });
  const text = await response.text();
  const { body } = await readWhole<PlainObject>(remote, path);
  const { name: _, ...document } = body;
  return { kind, name, text, revision: revisionOf(response), document };
}

function revisionOf({ headers }: Response): string {
  return (headers.get('etag') ?? '').replace(/^(?:W\/)?"|"$/g, '');
}

function bodyOf({ files, prune }: TreeChange): object {
  return { files, ...(prune && { prune }) };
}

async function editsOf(asked: Promise<{ readonly edits: readonly EditView[] }>): Promise<readonly EditView[]> {
  return (await asked).edits;
}

/** The operator API over the real house: files in a temporary directory, a database in memory, no door and no socket. */
import { readFileSync } from 'node:fs';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import { configSchema } from '../../src/config.ts';
import { createCore } from '../../src/core.ts';
import { createDeploymentDesk } from '../../src/deployments/desk.ts';
import { createDeployments } from '../../src/deployments.ts';
import type { Disk } from '../../src/files/atomic-write.ts';
import { createApi } from '../../src/http/api.ts';
import type { ApiDeps } from '../../src/http/api-deps.ts';
import { createMachines } from '../../src/machines.ts';
import { createApiDeps } from '../../src/operator.ts';
import { createStore } from '../../src/store/store.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { memoryImages } from './api-fixtures.ts';

export const FILES: Readonly<Record<string, string>> = {
  'profiles/rescue.yaml': '# writes to no disk\nkind: rescue\nkernel: rescue/linux\nargs: [quiet] # less noise\n',
  'profiles/debian.yaml': 'kind: install\nkernel: debian/linux\n',
  'profiles/hosts/web01.yaml': '# under the stairs\nmacs: [52:54:00:aa:00:01]\nprofile: rescue # for now\n',
  'profiles/hosts/web02.yaml': 'macs: [52:54:00:aa:00:02]\nprofile: rescue\n',
  'profiles/networks/lab.yaml':
    'interface: lab0\nsubnet: 10.77.0.0/24\nmode: server\npools: [10.77.0.100-10.77.0.110]\nserverAddress: 10.77.0.1\n',
  'templates/routes.yaml':
    'routes:\n  - path: boot/:mac.txt\n    template: boot.txt.hbs\n  - path: "*path"\n    image: "*path"\n',
  'templates/boot.txt.hbs': '{{host.name}} runs {{profile.name}}\n{{#each boot.entry.args}}{{this}}\n{{/each}}',
  'boot-images/rescue/linux': 'a kernel',
};

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
export interface Asked {
  readonly as?: 'viewer' | 'operator' | 'admin';
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function startRealHouse(
  files: Readonly<Record<string, string>> = {},
  overrides: Partial<ApiDeps> = {},
  disk?: Disk,
) {
  const tree = temporaryTree({ ...FILES, ...files });
  const { paths, ...settings } = configSchema.parse({});
  const absolute = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, tree.at(path)]));
  const config = { ...settings, paths: absolute as typeof paths };
  const store = await createStore({ file: ':memory:', now: Date.now, log: { warn: () => {} } });
  const log = pino({ level: 'silent' });
  const kept = { now: Date.now, record: store.events.append, log };
  const deployments = await createDeployments({ ...kept, store: store.deployments, key: await store.key('test') });
  const machines = await createMachines({ ...kept, store: store.machines });
  const core = await createCore({
    deployments: {
      find: deployments.find,
      templatesOf: deployments.templatesOf,
      ...createDeploymentDesk(deployments, Date.now),
    },
    machines,
    config,
    ports: { http: 8080, tftp: 69 },
    log,
    record: store.events.append,
    now: Date.now,
    ...(disk && { disk }),
  });
  const view = () => ({
    version: '1.2.3',
    startedAt: 0,
    networks: [],
    notes: [],
    shortfalls: [],
    problems: [...core.inventory.problems(), ...core.templates.problems()],
    catalog: core.inventory.snapshot(),
  });
  const deps = createApiDeps({
    core,
    store,
    deployments,
    machines,
    dhcp: undefined,
    tftp: undefined,
    images: memoryImages(),
    view,
    log,
    version: '1.2.3',
    now: Date.now,
  });
  const api = await createApi({ ...deps, processMetrics: false, ...overrides });
  const secrets = {
    viewer: await store.tokens.create('vera', 'viewer'),
    operator: await store.tokens.create('otto', 'operator'),
    admin: await store.tokens.create('ada', 'admin'),
  };
  onTestFinished(async () => {
    await api.close();
    await core.close();
    await deployments.close();
    await machines.close();
    await store.close();
  });
  return {
    api,
    core,
    machines,
    store,
    deployments,
    tree,
    secrets,
    text: (path: string) => readFileSync(tree.at(path), 'utf8'),
    /** Asks under `/api/v1`, as admin unless told otherwise. */
    ask: (method: Method, path: string, { as = 'admin', body, headers = {} }: Asked = {}) =>
      api.inject({
        method,
        url: `/api/v1${path}`,
        headers: { authorization: `Bearer ${secrets[as]}`, ...headers },
        ...(body !== undefined && { payload: body as object }),
      }),
  };
}

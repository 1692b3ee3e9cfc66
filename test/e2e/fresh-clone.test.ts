/** What a stranger does: clones, and says `npm start`. With the machine's own Node, in a bare directory. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { run } from '../../src/lab/command.ts';
import { createLan, type Lan } from '../../src/lab/lan.ts';
import { checkRequirements } from './requirements.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** Tests run with the Node that npm brought; a stranger has only the machine's. */
const PATH = (process.env.PATH ?? '')
  .split(':')
  .filter((directory) => !directory.endsWith('node_modules/.bin'))
  .join(':');
const INSTALL_MS = 240_000;

describe.skipIf(!(await checkRequirements('smoke')))('a fresh clone', () => {
  let directory: string;
  let clone: string;
  let lan: Lan;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hobnail-stranger-'));
    clone = join(directory, 'hobnail');
    await run('git', ['clone', '--quiet', ROOT, clone]);
    lan = await createLan('stranger');
  });
  afterAll(async () => {
    await lan?.close();
    await rm(directory, { recursive: true, force: true });
  });

  test('explains itself after installing and building what it needs', { timeout: INSTALL_MS }, async () => {
    const help = await run('env', [`PATH=${PATH}`, 'npm', 'start', '--', '--help'], {
      cwd: clone,
      timeoutMs: INSTALL_MS,
    });
    expect(help).toContain('Usage: hobnail serve');
  });

  test('starts as a proxy on the LAN, says where to look, and leaves nothing running after SIGTERM', {
    timeout: 120_000,
  }, async () => {
    // Installing needs the network of this machine; answering DHCP must not have it.
    const station = await lan.attach('server', '10.77.0.1/24');
    const npm = station.start('npm', ['start'], { logPath: join(directory, 'start.log'), cwd: clone, env: { PATH } });
    await npm.waitForLog(/"msg":"Hobnail is up"/, 90_000);
    const said = await npm.log();
    expect(said).toMatch(/DHCP +lan0 \(10\.77\.0\.1\): proxy, boot answers only, never an address; port 67 and 4011/);
    expect(said).toMatch(/Page and API +http:\/\/127\.0\.0\.1:8081\//);
    expect(said).toMatch(/Login +hob_[\w-]+/);
    expect(said).not.toContain('Not everything could be done');
    expect(await station.run('curl', ['-sf', 'http://127.0.0.1:8081/api/v1/healthz'])).toContain('"ok":true');
    // npm passes the signal on and then dies of it itself, so its own status says nothing.
    await npm.close();
    await expect.poll(() => npm.log(), { timeout: 10_000 }).toContain('SIGTERM: stopping');
    await expect.poll(() => run('ip', ['netns', 'pids', station.namespace]), { timeout: 10_000 }).toBe('');
  });

  test('leaves the clone as git knows it', async () => {
    expect(await run('git', ['-C', clone, 'status', '--porcelain'])).toBe('');
  });
});

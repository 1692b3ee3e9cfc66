import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startRealHouse } from '../http/real-house.ts';

const CLI = resolve(import.meta.dirname, '../../src/cli.ts');

/** The API behind a socket on loopback, and commands that ask it. */
async function startAsked() {
  const house = await startRealHouse({ 'profiles/hosts/wipe01.yaml': 'macs: [52:54:00:aa:00:09]\nprofile: debian\n' });
  const { port } = await house.api.listen('127.0.0.1', 0);
  const folder = mkdtempSync(join(tmpdir(), 'hobnail-asked-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const hobnail = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
      const asked = { HOBNAIL_API: `http://127.0.0.1:${port}`, HOBNAIL_TOKEN: house.secrets.operator, ...env };
      const settings = { cwd: folder, timeout: 20_000, env: { ...process.env, ...asked } };
      execFile(process.execPath, [CLI, ...args], settings, (error, stdout, stderr) => {
        done({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
      });
    });
  return { ...house, hobnail };
}

test('host arm and disarm ask the running appliance, and say what it says', { timeout: 60_000 }, async () => {
  const { hobnail } = await startAsked();
  const armed = await hobnail(['host', 'arm', 'wipe01', '--minutes', '60']);
  expect(armed).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/armed with profile debian.*WRITES TO ITS DISKS/),
  });
  expect((await hobnail(['host', 'arm', 'wipe01'])).code).toBe(1);
  expect(await hobnail(['host', 'disarm', 'wipe01'])).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('cancelled'),
  });
  expect((await hobnail(['host', 'arm', 'nobody'])).code).toBe(3);
  expect((await hobnail(['host', 'arm', 'wipe01'], { HOBNAIL_TOKEN: 'hob_x' })).code).toBe(4);
});

test('inbox lists and adopts', { timeout: 60_000 }, async () => {
  const { hobnail, machines, core } = await startAsked();
  machines.learn({ mac: '52:54:00:cc:00:01' as never, archCodes: [7] }, core.inventory.snapshot());
  expect((await hobnail(['inbox', 'ls'])).stdout).toMatch(/^52:54:00:cc:00:01 +new /m);
  expect((await hobnail(['inbox', 'adopt', '52:54:00:cc:00:01', 'new01', '--profile', 'rescue'])).code).toBe(0);
  expect((await hobnail(['inbox', 'ls'])).stdout).toBe('No strangers.\n');
  expect((await hobnail(['boots'])).stdout).toBe('No boots yet.\n');
});

test('says what to do when nothing answers', { timeout: 60_000 }, async () => {
  const { hobnail } = await startAsked();
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => probe.once('listening', done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  const gone = await hobnail(['boots'], { HOBNAIL_API: `http://127.0.0.1:${port}` });
  expect(gone).toMatchObject({ code: 5, stderr: expect.stringContaining('Is "hobnail serve" running?') });
});

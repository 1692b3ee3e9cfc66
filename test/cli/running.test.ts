import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Lease } from '../../src/boot/lease.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';
import { createStore } from '../../src/store/store.ts';
import { listOf } from '../http/api-fixtures.ts';
import { startRealHouse } from '../http/real-house.ts';

const CLI = resolve(import.meta.dirname, '../../src/cli.ts');

/** The API behind a socket on loopback, and commands that ask it. */
async function startAsked(overrides: Parameters<typeof startRealHouse>[1] = {}) {
  const files = { 'profiles/hosts/wipe01.yaml': 'macs: [52:54:00:aa:00:09]\nprofile: debian\n' };
  const house = await startRealHouse(files, overrides);
  const { port } = await house.api.listen('127.0.0.1', 0);
  const folder = mkdtempSync(join(tmpdir(), 'hobnail-asked-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const hobnail = (args: readonly string[], env: Readonly<Record<string, string>> = {}, input = '') =>
    new Promise<{ code: number; stdout: string; stderr: string }>((done) => {
      const asked = { HOBNAIL_API: `http://127.0.0.1:${port}`, HOBNAIL_TOKEN: house.secrets.operator, ...env };
      const settings = { cwd: folder, timeout: 20_000, env: { ...process.env, ...asked } };
      const child = execFile(process.execPath, [CLI, ...args], settings, (error, stdout, stderr) => {
        done({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
      });
      child.stdin?.end(input);
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

test('secret sets what standard input says, lists names alone and removes', { timeout: 60_000 }, async () => {
  const { hobnail, core, secrets, ask } = await startAsked();
  const admin = { HOBNAIL_TOKEN: secrets.admin };
  const set = await hobnail(['secret', 'set', 'wipe01/root-password'], admin, 'hush hush\n');
  expect(set).toMatchObject({ code: 0, stdout: 'Secret wipe01/root-password is set.\n' });
  expect(core.secrets.read('root-password', 'wipe01')).toBe('hush hush');
  const listed = await hobnail(['secret', 'ls'], admin);
  expect(listed.stdout).toMatch(/^wipe01\/root-password +\d{4}-/m);
  expect(listed.stdout + listed.stderr + set.stderr).not.toContain('hush');
  expect(await hobnail(['secret', 'set', 'empty'], admin, '\n')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('empty'),
  });
  expect(await hobnail(['secret', 'set', 'x', 'in-the-history'], admin)).toMatchObject({ code: 2 });
  expect((await hobnail(['secret', 'rm', 'wipe01/root-password'], admin)).code).toBe(0);
  expect((await hobnail(['secret', 'rm', 'wipe01/root-password'], admin)).code).toBe(3);
  expect((await ask('GET', '/secrets')).json().items).toEqual([]);
});

test('leases lists all of them, and ends one', { timeout: 60_000 }, async () => {
  const ended: string[] = [];
  const leaseOf = (number: number): Lease => ({
    network: 'lab',
    address: `10.77.${number >> 8}.${number & 255}` as Ipv4,
    mac: '52:54:00:aa:00:01' as Mac,
    state: 'bound',
    expiresAt: 4_000_000_000_000,
    startsAt: 0,
  });
  const all = Array.from({ length: 1002 }, (_, index) => leaseOf(index));
  const { hobnail } = await startAsked({
    leases: listOf(all),
    freeLease: async (network, address) => {
      if (address !== '10.77.0.7') return undefined;
      ended.push(`${network} ${address}`);
      return all[7];
    },
  });
  const listed = await hobnail(['leases', 'ls', '--active', '-o', 'json']);
  expect(JSON.parse(listed.stdout)).toHaveLength(1002);
  expect((await hobnail(['leases', 'ls'])).stdout).toMatch(
    /^lab +10\.77\.0\.7 +52:54:00:aa:00:01 +web01 +bound +2096-/m,
  );
  expect((await hobnail(['leases', 'ls', '--network', 'none'])).stdout).toBe('No leases.\n');
  expect((await hobnail(['leases', 'end', 'lab', '10.77.0.7'])).code).toBe(0);
  expect((await hobnail(['leases', 'end', 'lab', '10.77.0.8'])).code).toBe(3);
  expect(ended).toEqual(['lab 10.77.0.7']);
});

test('audit shows who changed what', { timeout: 60_000 }, async () => {
  const { hobnail, ask, secrets } = await startAsked();
  const admin = { HOBNAIL_TOKEN: secrets.admin };
  expect((await hobnail(['audit'])).code).toBe(4);
  await ask('POST', '/hosts/wipe01/arm', { as: 'operator', body: {} });
  await ask('PUT', '/secrets/one', { body: { value: 'hush' } });
  expect((await hobnail(['audit', '--who', 'otto'], admin)).stdout).toMatch(
    /^WHEN.*\n\S+ +otto +operator +201 +deployment \S+ of wipe01, profile debian +POST \/hosts\/:id\/arm\n$/,
  );
  const all = await hobnail(['audit', '--limit', '2', '-o', 'json'], admin);
  expect(JSON.parse(all.stdout)).toMatchObject([{ who: 'ada' }, { who: 'otto' }]);
  expect(all.stdout).not.toContain('hush');
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

test('tokens made and taken back at the machine itself are in the audit log', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'hobnail-tokens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'data'));
  const run = (...args: string[]) =>
    new Promise<number>((done) => {
      execFile(process.execPath, [CLI, 'token', ...args], { cwd: folder, timeout: 20_000 }, (error) => {
        done(typeof error?.code === 'number' ? error.code : 0);
      });
    });
  expect([await run('add', 'ann', '--role', 'viewer'), await run('rm', 'ann'), await run('rm', 'ann')]).toEqual([
    0, 0, 3,
  ]);
  const log = { warn: () => undefined };
  const store = await createStore({ file: join(folder, 'data/hobnail.db'), now: Date.now, log });
  onTestFinished(() => store.close());
  const who = `shell:${userInfo().username}`;
  expect(await store.audit.list({ limit: 10 })).toMatchObject([
    { who, action: 'hobnail token rm', target: 'token ann' },
    { who, action: 'hobnail token add', target: 'token ann', after: 'viewer' },
  ]);
});

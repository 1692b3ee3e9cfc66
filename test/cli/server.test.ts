/** The same commands on the files and by the API of a server over the same files: the same output, the same exit codes. */
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runCommandLine } from '../../src/cli/main.ts';
import { startRealHouse } from '../http/real-house.ts';

const DIRTY = { 'profiles/hosts/wipe01.yaml': 'macs: [52:54:00:aa:00:09]\nprofile: debian\n' };

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** In this process: a process for each of so many commands would take a minute. */
async function run(args: readonly string[]): Promise<Run> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      said[name] += Buffer.from(chunk as Uint8Array).toString();
      return true;
    }),
  );
  try {
    return { code: await runCommandLine(args), ...said };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

async function startBoth() {
  const house = await startRealHouse(DIRTY);
  const { port } = await house.api.listen('127.0.0.1', 0);
  const url = `http://127.0.0.1:${port}`;
  const scratch = mkdtempSync(join(tmpdir(), 'hobnail-server-'));
  onTestFinished(() => rmSync(scratch, { recursive: true }));
  // The files as they are at the start, for the commands that work on files.
  const offline = join(scratch, 'offline');
  const parts = ['profiles', 'templates', 'boot-images'];
  for (const part of parts) cpSync(house.tree.at(part), join(offline, part), { recursive: true });
  const paths = Object.entries({ profiles: 'profiles', templates: 'templates', images: 'boot-images', data: 'data' });
  const settings = join(scratch, 'hobnail.yaml');
  writeFileSync(settings, `paths:\n${paths.map(([name, path]) => `  ${name}: ${join(offline, path)}\n`).join('')}`);
  const tokenFile = join(scratch, 'token');
  writeFileSync(tokenFile, `${house.secrets.admin}\n`);
  const roots = [`${house.tree.at('.')}/`, `${offline}/`];
  const masked = async (args: readonly string[]) => {
    const { stdout, ...rest } = await run(args);
    return { ...rest, stdout: roots.reduce((text, root) => text.replaceAll(root, ''), stdout) };
  };
  return {
    ...house,
    scratch,
    offline,
    file: (text: string) => {
      const path = join(scratch, `${Math.random()}`);
      writeFileSync(path, text);
      return path;
    },
    onFiles: (args: readonly string[]) => masked(['-c', settings, ...args]),
    byServer: (args: readonly string[], token = tokenFile) => masked(['--server', url, '--token-file', token, ...args]),
  };
}

describe('by --server and on the files', { timeout: 60_000 }, () => {
  test('every command that works on objects says the same, ends with the same code and writes the same', async () => {
    const both = await startBoth();
    const next = join(both.scratch, 'next');
    const live = both.file('# mine\nkind: live\nkernel: live/linux\nargs: [quiet] # less\n');
    const rack = both.file('priority: 5\nselect: { macs: ["52:54:00"] }\n');
    const script: readonly (readonly string[])[] = [
      ['host', 'ls'],
      ['host', 'show', 'web01', '-o', 'json'],
      ['host', 'show', 'nobody'],
      ['host', 'add', 'web03', '--mac', '525400aa0003', '--profile', 'rescue', '--var', 'console=ttyS0'],
      ['host', 'add', 'web03', '--mac', '525400aa0003'],
      ['host', 'add', 'bad', '--mac', '525400aa0004', '--profile', 'rescu'],
      ['host', 'set', 'web01', '--policy', 'local', '--unset', 'profile'],
      ['host', 'set', '5254.00aa.0001', '--profile', 'rescue', '--policy', 'auto'],
      ['host', 'local', 'web02'],
      ['host', 'files', 'web01'],
      ['host', 'rm', 'web03'],
      ['profile', 'ls'],
      ['profile', 'show', 'rescue', '-o', 'json'],
      ['profile', 'add', 'live', '-f', live],
      ['profile', 'add', 'live', '-f', live],
      ['profile', 'set', 'live', 'title=Live system', 'vars.console=ttyS0'],
      ['profile', 'set', 'live', 'kernal=x'],
      ['profile', 'rm', 'rescue'],
      ['group', 'add', 'rack', '-f', rack],
      ['group', 'ls'],
      ['render', 'web01', 'boot/52-54-00-aa-00-01.txt'],
      ['render', '52:54:00:ff:00:01', 'boot/52-54-00-ff-00-01.txt'],
      ['render', 'web01', '../hobnail.yaml'],
      ['validate'],
      ['plan', next],
      ['plan', next, '-o', 'json'],
      ['impact', next, '-o', 'json'],
      ['apply', next],
      ['apply', next],
      ['import', 'dnsmasq', join(both.scratch, 'dnsmasq.conf'), '--write'],
      ['import', 'dnsmasq', join(both.scratch, 'dnsmasq.conf'), '--write', '-o', 'json'],
    ];
    const exported = await both.byServer(['export', next]);
    expect(exported).toMatchObject({ code: 0 });
    writeFileSync(
      join(next, 'profiles/hosts/plan01.yaml'),
      '# planned\nmacs: ["52:54:00:78:00:01"]\nprofile: rescue\n',
    );
    writeFileSync(join(next, 'templates/boot.txt.hbs'), '{{host.name}} runs {{profile.name}}, edited\n');
    const conf = 'dhcp-range=10.99.0.100,10.99.0.200,255.255.255.0,1h\ndhcp-host=52:54:00:99:00:01,ten,10.99.0.10\n';
    writeFileSync(join(both.scratch, 'dnsmasq.conf'), conf);
    for (const args of script) {
      const [offline, online] = [await both.onFiles(args), await both.byServer(args)];
      expect({ code: online.code, stdout: online.stdout }, args.join(' ')).toEqual({
        code: offline.code,
        stdout: offline.stdout,
      });
    }
    for (const file of ['profiles/hosts/web01.yaml', 'profiles/hosts/plan01.yaml', 'templates/boot.txt.hbs'])
      expect(both.text(file), file).toBe(readFileSync(join(both.offline, file), 'utf8'));
    expect(both.text('profiles/hosts/web01.yaml')).toMatch(/^# under the stairs\n/);
    expect(existsSync(both.tree.at('profiles/hosts/ten.yaml'))).toBe(true);
  });

  test('a host and a machine are explained alike, apart from the address book', async () => {
    const both = await startBoth();
    for (const args of [
      ['host', 'explain', 'web01', '--arch', '7', '-o', 'json'],
      ['explain', '--mac', '52:54:00:00:00:09', '--arch', '0', '-o', 'json'],
    ]) {
      const [offline, online] = [await both.onFiles(args), await both.byServer(args)];
      expect(online.code).toBe(0);
      expect(JSON.parse(online.stdout)).toEqual(JSON.parse(offline.stdout));
    }
    const text = await both.byServer(['host', 'explain', 'web01', '--arch', '7']);
    expect(text.stdout).toBe((await both.onFiles(['host', 'explain', 'web01', '--arch', '7'])).stdout);
    expect((await both.byServer(['explain', '--mac', '52:54:00:00:00:09', '--giaddr', '10.1.1.1'])).code).toBe(2);
  });

  test('tokens are made and taken back by the API; a wrong one, a missing one and a small role are denied', async () => {
    const { byServer, scratch, secrets } = await startBoth();
    const made = await byServer(['token', 'add', 'vic', '--role', 'viewer']);
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^hob_/) });
    expect((await byServer(['token', 'ls'])).stdout).toMatch(/^vic +viewer /m);
    const vic = join(scratch, 'vic');
    writeFileSync(vic, made.stdout);
    expect((await byServer(['host', 'ls'], vic)).code).toBe(0);
    expect((await byServer(['host', 'rm', 'web01'], vic)).code).toBe(4);
    expect((await byServer(['token', 'rm', 'vic'])).code).toBe(0);
    expect((await byServer(['token', 'rm', 'vic'])).code).toBe(3);
    expect((await byServer(['host', 'ls'], vic)).code).toBe(4);
    expect((await byServer(['host', 'ls'], join(scratch, 'none'))).code).toBe(4);
    expect(made.stderr).not.toContain(secrets.admin);
  });
});

test('an address that is none, and a server that does not answer, are said', async () => {
  const { scratch, byServer } = await startBoth();
  const ask = (url: string) => run(['--server', url, '--token-file', join(scratch, 'token'), 'host', 'ls']);
  expect(await ask('boot.example')).toMatchObject({ code: 2, stderr: expect.stringContaining('write http://') });
  expect(await ask('http://127.0.0.1:9')).toMatchObject({
    code: 5,
    stderr: expect.stringContaining('does not answer'),
  });
  expect((await byServer(['host', 'ls'])).code).toBe(0);
});

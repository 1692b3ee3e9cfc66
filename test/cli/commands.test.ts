import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const CLI = join(ROOT, 'src/cli.ts');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'hobnail-cli-'));
  for (const part of ['profiles', 'templates']) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, 'boot-images/ipxe'), { recursive: true });
  writeFileSync(join(folder, 'boot-images/ipxe/snponly.efi'), 'a loader');
  mkdirSync(join(folder, 'profiles/networks'), { recursive: true });
  writeFileSync(
    join(folder, 'profiles/networks/lab.yaml'),
    'interface: lab0\nsubnet: 10.77.0.0/24\nmode: server\nunknown: menu\npools: [10.77.0.100-10.77.0.110]\nserverAddress: 10.77.0.1\n',
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function hobnail(...args: string[]): Promise<Run> {
  return new Promise((done) => {
    execFile(process.execPath, [CLI, ...args], { cwd: folder, timeout: 20_000 }, (error, stdout, stderr) => {
      done({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

describe('host', { timeout: 60_000 }, () => {
  test('add, show, set, ls and rm work on one file and keep its comments', async () => {
    const added = await hobnail('host', 'add', 'web01', '--mac', '5254.00aa.bbcc', '--profile', 'rescue');
    expect(added).toMatchObject({ code: 0, stdout: expect.stringContaining('next boot: profile rescue') });

    const file = join(folder, 'profiles/hosts/web01.yaml');
    writeFileSync(file, `# under the stairs\n${readFileSync(file, 'utf8')}`);
    const set = await hobnail('host', 'set', '52-54-00-AA-BB-CC', '--policy', 'local', '--var', 'console=ttyS0');
    expect(set).toMatchObject({ code: 0, stdout: expect.stringContaining('local disk (no-offer)') });
    expect(readFileSync(file, 'utf8')).toMatch(/^# under the stairs\n/);

    const listed: unknown = JSON.parse((await hobnail('host', 'ls', '-o', 'json')).stdout);
    expect(listed).toMatchObject([{ name: 'web01', macs: ['52:54:00:aa:bb:cc'], next: 'local disk (no-offer)' }]);

    expect((await hobnail('host', 'rm', 'web01')).code).toBe(0);
    expect((await hobnail('host', 'show', 'web01')).code).toBe(3);
  });

  test('local sends it to its own disk, and back; files and explain show what it gets', async () => {
    const file = join(folder, 'profiles/hosts/view01.yaml');
    mkdirSync(join(folder, 'profiles/hosts'), { recursive: true });
    writeFileSync(file, 'macs: [52:54:00:00:00:0b]\nprofile: rescue\nvars: { colour: red }\n');
    onTestFinished(() => rmSync(file));
    const filesNow = async () => {
      const { files } = JSON.parse((await hobnail('host', 'files', 'view01', '-o', 'json')).stdout);
      return files as { path: string; kind: string; when: string; size?: number; from: string }[];
    };
    const script = { path: 'ipxe/52-54-00-00-00-0b.ipxe', kind: 'template', when: 'now', size: expect.any(Number) };
    const rescueOf = (files: Awaited<ReturnType<typeof filesNow>>) => {
      return files.filter(({ from }) => from.startsWith('rescue/'));
    };
    const before = await filesNow();
    expect(before).toContainEqual(expect.objectContaining(script));
    expect(rescueOf(before)).toMatchObject([
      { path: 'rescue/linux', kind: 'absent', when: 'now' },
      { path: 'rescue/initrd.img', kind: 'absent', when: 'now' },
    ]);

    const local = await hobnail('host', 'local', '5254.0000.000b');
    expect(local).toMatchObject({ code: 0, stdout: expect.stringContaining('local disk') });
    expect(readFileSync(file, 'utf8')).toContain('policy: local');
    expect(rescueOf(await filesNow())).toMatchObject([{ when: 'later' }, { when: 'later' }]);
    expect(await hobnail('host', 'local', 'view01', '--back')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('profile rescue'),
    });

    const explained = (await hobnail('host', 'explain', 'view01', '--arch', '7')).stdout;
    expect(explained).toContain('vars.colour = red   from host "view01"');
    expect((await hobnail('host', 'files', 'view01')).stdout).toMatch(/^PATH +WHAT +WHEN +BYTES +FROM\n/);
    expect((await hobnail('host', 'files', 'nobody')).code).toBe(3);
  });

  test('a host that cannot be is refused with the reason, and nothing is written', async () => {
    const refused = await hobnail('host', 'add', 'bad', '--mac', '52:54:00:aa:bb:01', '--profile', 'rescu');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('there is no profile "rescu"');
    expect((await hobnail('host', 'ls')).stdout).not.toContain('bad');
  });
});

describe('explain', { timeout: 60_000 }, () => {
  test('shows the decision, its rules and the answer that would be sent, as JSON for pipes', async () => {
    const { code, stdout } = await hobnail('explain', '--mac', '52:54:00:00:00:09', '--arch', '0x07', '-o', 'json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      decision: { kind: 'loader', reason: expect.any(String) },
      reply: {
        hex: expect.stringMatching(/^0201/),
        words: expect.arrayContaining([expect.stringContaining('ipxe/snponly.efi')]),
      },
    });
  });

  test('names the place each value was written', async () => {
    const file = join(folder, 'profiles/hosts/org01.yaml');
    mkdirSync(join(folder, 'profiles/hosts'), { recursive: true });
    writeFileSync(file, 'macs: [52:54:00:00:00:0a]\nprofile: rescue\nvars: { colour: red }\n');
    onTestFinished(() => rmSync(file));
    const question = ['explain', '--mac', '52:54:00:00:00:0a', '--arch', '7'];
    expect((await hobnail(...question)).stdout).toMatch(/Values\n(?:.*\n)* {2}vars\.colour = red {3}from host "org01"/);
    const { values } = JSON.parse((await hobnail(...question, '-o', 'json')).stdout);
    expect(values).toContainEqual({
      field: 'vars.colour',
      value: 'red',
      origin: { level: 'host', name: 'org01' },
      over: [],
    });
  });

  test('says why there is no loader, and what brings one', async () => {
    const { stdout } = await hobnail('explain', '--mac', '52:54:00:00:00:09', '--arch', '0');
    expect(stdout).toContain('boot-images/ipxe/undionly.kpxe is not installed');
    expect(stdout).toContain('hobnail images pull');
  });

  test.each([
    [['--mac', '52:54:00'], 'Write it as 52:54:00:aa:bb:cc'],
    [['--mac', '52:54:00:00:00:09', '--arch', 'x64'], 'Write 7 or 0x07'],
    [[], 'Name the machine with --mac, or give --packet FILE'],
    [['--mac', '52:54:00:00:00:09', '--giaddr', '10.77'], 'Write it as 10.77.1.1'],
    [['--packet', '/does/not/exist'], 'cannot read /does/not/exist'],
  ])('%j is wrong use', async (args, message) => {
    const { code, stderr } = await hobnail('explain', ...args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  test('D-96: answers a captured request, in words and hex, with where the answer would go', async () => {
    const capture = join(import.meta.dirname, '../fixtures/dhcp/client-edk2-pxe-x64.txt');
    const request = join(folder, 'request.hex');
    writeFileSync(request, readFileSync(capture, 'utf8').split('\n----')[0] ?? '');
    const { code, stdout } = await hobnail('explain', '--packet', request);
    expect(code).toBe(0);
    expect(stdout).toMatch(/#1 DISCOVER .* PXEClient arch 7/);
    expect(stdout).toContain('Sent to  everybody on the wire, port 68');
    const json = await hobnail('explain', '--packet', request, '-o', 'json');
    expect(JSON.parse(json.stdout)).toMatchObject([{ number: 1, reply: { hex: expect.stringMatching(/^0201/) } }]);
  });

  test('an unknown network is not found, and the known ones are named', async () => {
    const { code, stderr } = await hobnail('explain', '--mac', '52:54:00:00:00:09', '--network', 'lap');
    expect(code).toBe(3);
    expect(stderr).toContain('lab');
  });
});

describe('render', { timeout: 60_000 }, () => {
  test('prints what a stranger would get, and where it is from on stderr', async () => {
    const { code, stdout, stderr } = await hobnail('render', '52:54:00:00:00:09', 'ipxe/52-54-00-00-00-09.ipxe');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^#!ipxe\n/);
    expect(stderr).toContain('template ipxe/');
  });

  test('a path that leaves the tree is denied', async () => {
    expect(await hobnail('render', '52:54:00:00:00:09', '../hobnail.yaml')).toMatchObject({ code: 4 });
  });
});

describe('check and decode', { timeout: 60_000 }, () => {
  test('check is good with warnings for what is not there yet', async () => {
    const { code, stdout } = await hobnail('check');
    expect(code).toBe(0);
    expect(stdout).toContain('Good: 0 hosts');
  });

  test('check names file, line and column of a fault', async () => {
    const file = join(folder, 'profiles/hosts/broken.yaml');
    writeFileSync(file, 'macs: [52:54:00:00:00:01]\nprofil: rescue\n');
    const { code, stderr } = await hobnail('check');
    rmSync(file);
    expect(code).toBe(1);
    expect(stderr).toMatch(/broken\.yaml:2:1: .*Did you mean "profile"\?/);
  });

  test('a fault in the settings is wrong use, with its place', async () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'tftp:\n  prot: 69\n');
    const { code, stderr } = await hobnail('check', '--config', 'wrong.yaml');
    expect(code).toBe(2);
    expect(stderr).toMatch(/wrong\.yaml:2:3: .*Did you mean "port"\?/);
  });

  test('decode prints a packet of a file in words, and says what is not one', async () => {
    const { stdout } = await hobnail('explain', '--mac', '52:54:00:00:00:09', '--arch', '7', '-o', 'json');
    const { reply } = JSON.parse(stdout) as { reply: { hex: string } };
    writeFileSync(join(folder, 'packet.hex'), reply.hex);
    expect((await hobnail('decode', 'packet.hex')).stdout).toContain('chaddr 52:54:00:00:00:09');
    writeFileSync(join(folder, 'short.hex'), '02 01 06');
    expect(await hobnail('decode', 'short.hex')).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('not DHCP'),
    });
  });
});

describe('route', { timeout: 60_000 }, () => {
  const withRules = (rules: string) => {
    const file = join(folder, 'templates/routes.yaml');
    const before = readFileSync(file, 'utf8');
    onTestFinished(() => writeFileSync(file, before));
    writeFileSync(file, `${before}\n${rules}`);
  };

  test('shows each rule, the path and what it leads to, in text and JSON', async () => {
    withRules(
      'rewrites:\n  - {title: lab, networks: [10.77.0.0/24], match: "^old/", replace: ipxe/}\n  - {match: zz, case: upper}\n',
    );
    const shown = await hobnail('route', '\\old\\snponly.efi', '--ip', '10.77.0.5');
    expect(shown.stdout).toContain('✓ 1 lab: it matches → ipxe/snponly.efi');
    expect(shown.stdout).toContain('· 2 zz: it does not match');
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('image ipxe/snponly.efi, 8 bytes') });
    const json: unknown = JSON.parse((await hobnail('route', 'old/snponly.efi', '-o', 'json')).stdout);
    expect(json).toMatchObject({
      passes: [{ rewriting: { path: 'old/snponly.efi', steps: [{ because: 'another network' }, {}] } }],
      outcome: { kind: 'absent' },
    });
  });

  test('a rule that cannot be is a problem with its file, line and column', async () => {
    withRules('rewrites:\n  - match: "(a"\n    case: lower\n');
    const refused = await hobnail('route', 'a');
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/routes\.yaml:\d+:\d+: rewrites\[0\]\.match: "\(a": a "\)" is missing/);
  });

  test('a denied path ends with the exit code for it', async () => {
    withRules('rewrites:\n  - {match: "[.]key$", deny: keys stay here}\n');
    const denied = await hobnail('route', 'host.key', '--mac', '52:54:00:aa:bb:cc');
    expect(denied).toMatchObject({
      code: 4,
      stdout: expect.stringContaining('denied, with the words "keys stay here"'),
    });
  });
});

describe('import', { timeout: 60_000 }, () => {
  test('shows a plan and changes nothing; writes it with --write; never overwrites', async () => {
    const conf = join(folder, 'dnsmasq.conf');
    writeFileSync(conf, 'dhcp-host=52:54:00:77:00:01,import01\ndhcp-host=00:11:22:*:*:*,x\nlog-dhcp\n');
    const planned = await hobnail('import', 'dnsmasq', conf);
    expect(planned).toMatchObject({ code: 0, stderr: '' });
    expect(planned.stdout).toContain('Nothing was changed');
    expect(planned.stdout).toMatch(/dnsmasq\.conf:2: .*\n +it names no whole MAC/);
    const file = join(folder, 'profiles/hosts/import01.yaml');
    expect(existsSync(file)).toBe(false);

    expect((await hobnail('import', 'dnsmasq', conf, '--write')).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^# From .*dnsmasq\.conf:1\nmacs:\n/);
    writeFileSync(file, `# mine\n${readFileSync(file, 'utf8')}`);
    const again = await hobnail('import', 'dnsmasq', conf, '--write', '-o', 'json');
    expect(JSON.parse(again.stdout)).toMatchObject({ kept: ['host import01'], files: [] });
    expect(readFileSync(file, 'utf8')).toMatch(/^# mine\n/);
    rmSync(file);
  });

  test('writes nothing at all when one object cannot be, and says why', async () => {
    const root = join(folder, 'tftp');
    mkdirSync(join(root, 'pxelinux.cfg'), { recursive: true });
    writeFileSync(join(root, 'pxelinux.cfg/01-52-54-00-77-00-02'), 'LABEL a\n KERNEL k\n APPEND rescue\n');
    const host = join(folder, 'profiles/hosts/other.yaml');
    mkdirSync(join(folder, 'profiles/hosts'), { recursive: true });
    writeFileSync(host, 'macs: ["52:54:00:77:00:02"]\n');
    const refused = await hobnail('import', 'tftpboot', root, '--write');
    rmSync(host);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('52:54:00:77:00:02 belongs to host');
    expect(existsSync(join(folder, 'profiles/a.yaml'))).toBe(false);
  });

  test.each([
    [['dnsmasq', '/no/such/file'], 3],
    [['tftpboot', CLI], 2],
    [['bootpd', 'x'], 2],
  ])('%j ends with %s', async (args, code) => {
    expect((await hobnail('import', ...args)).code).toBe(code);
  });
});

describe('profile, group, network', { timeout: 60_000 }, () => {
  test('add, set, show, ls and rm keep the comments and refuse what would break a host', async () => {
    const text = join(folder, 'live.yaml');
    writeFileSync(text, '# mine\nkind: live\nkernel: live/linux\nargs: [quiet] # less\n');
    expect((await hobnail('profile', 'add', 'live', '--file', text)).code).toBe(0);
    expect((await hobnail('profile', 'add', 'live', '--file', text)).code).toBe(1);
    const set = await hobnail('profile', 'set', 'live', 'title=Live system', 'vars.console=ttyS0', 'vars.speed=9600');
    expect(set.stdout).toBe(
      '# mine\nkind: live\nkernel: live/linux\nargs: [quiet] # less\ntitle: Live system\nvars:\n  console: ttyS0\n  speed: 9600\n',
    );
    expect((await hobnail('profile', 'show', 'live')).stdout).toBe(set.stdout);
    expect((await hobnail('profile', 'ls')).stdout).toMatch(/^live +live +no +0 +Live system$/m);
    expect((await hobnail('profile', 'set', 'live', 'kernal=x')).stderr).toContain('Did you mean "kernel"?');
    expect((await hobnail('profile', 'rm', 'live')).code).toBe(0);
    expect((await hobnail('profile', 'show', 'live')).code).toBe(3);
  });
});

describe('export, plan, impact, apply', { timeout: 90_000 }, () => {
  test('carry a whole directory, and say what changes before it does', async () => {
    const next = join(folder, 'next');
    expect((await hobnail('export', next)).code).toBe(0);
    expect((await hobnail('export', next)).code).toBe(1);
    expect(await hobnail('plan', next)).toMatchObject({ code: 0, stdout: 'Nothing to change.\n' });
    mkdirSync(join(next, 'profiles/hosts'), { recursive: true });
    writeFileSync(
      join(next, 'profiles/hosts/plan01.yaml'),
      '# planned\nmacs: ["52:54:00:78:00:01"]\nprofile: rescue\n',
    );
    const planned = await hobnail('plan', next);
    expect(planned.code).toBe(1);
    expect(planned.stdout).toContain('+# planned');
    const impact = await hobnail('impact', next, '-o', 'json');
    expect(JSON.parse(impact.stdout)).toMatchObject({
      changed: 1,
      machines: [{ host: 'plan01', after: 'profile rescue' }],
    });
    expect((await hobnail('apply', next)).stdout).toMatch(/^create +.*plan01\.yaml$/m);
    expect(readFileSync(join(folder, 'profiles/hosts/plan01.yaml'), 'utf8')).toMatch(/^# planned\n/);
    rmSync(join(next, 'profiles/hosts/plan01.yaml'));
    expect((await hobnail('apply', next, '--prune')).stdout).toMatch(/^delete +.*plan01\.yaml$/m);
    expect((await hobnail('plan', join(folder, 'boot-images'))).code).toBe(3);
  });
});

describe('completion', { timeout: 60_000 }, () => {
  test('of bash knows commands, subcommands and options', async () => {
    const { stdout } = await hobnail('completion', 'bash');
    const script = join(folder, 'complete.bash');
    const words = (line: string) =>
      `COMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _hobnail; echo "\${COMPREPLY[@]}"`;
    writeFileSync(
      script,
      `${stdout}\n${words('hobnail imp')}\n${words('hobnail host s')}\n${words('hobnail host add --ma')}\n`,
    );
    const shown = await new Promise<string>((done) => execFile('bash', [script], (_error, out) => done(out)));
    expect(shown).toBe('impact import\nshow set\n--mac\n');
  });

  test.each(['zsh', 'fish'])('of %s names every command', async (shell) => {
    const { stdout } = await hobnail('completion', shell);
    for (const name of ['serve', 'host', 'import', 'impact', 'tftpboot']) expect(stdout).toContain(name);
  });
});

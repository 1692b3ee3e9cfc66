import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { run, startDaemon } from '../../src/lab/command.ts';
import { createLan, type Lan } from '../../src/lab/lan.ts';

const ROOT = process.getuid?.() === 0;

describe.skipIf(!ROOT)('a lab LAN', () => {
  let directory: string;
  let lan: Lan | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'hobnail-lan-'));
  });
  afterEach(async () => {
    await lan?.close();
    await rm(directory, { recursive: true, force: true });
  });
  const namespacesOf = async (label: string) =>
    (await run('ip', ['netns', 'list']))
      .split('\n')
      .filter((line) => line.startsWith(`hobnail-${label}-${process.pid}-`));

  test('its stations hear each other, and nothing leads out', async () => {
    lan = await createLan('hear');
    const a = await lan.attach('a', '10.91.0.1/24');
    await lan.attach('b', '10.91.0.2/24');
    await a.run(process.execPath, ['-e', CONNECT, '10.91.0.2', 'ECONNREFUSED']);
    await a.run(process.execPath, ['-e', CONNECT, '192.0.2.1', 'ENETUNREACH']);
  });

  test('closing it ends what runs in it and removes every namespace, and may be repeated', async () => {
    lan = await createLan('close');
    const station = await lan.attach('a', '10.91.0.1/24');
    const daemon = station.start('sleep', ['60'], { logPath: join(directory, 'sleep.log') });
    expect(await namespacesOf('close')).toHaveLength(2);
    await lan.close();
    await lan.close();
    expect(await daemon.ended).toBe('SIGTERM');
    expect(await namespacesOf('close')).toEqual([]);
    expect(() => station.start('sleep', ['60'], { logPath: join(directory, 'late.log') })).toThrow(/closed/);
  });

  test('what a killed owner left behind is removed by the next LAN', async () => {
    const source = new URL('../../src/lab/lan.ts', import.meta.url).href;
    const program = `const { createLan } = await import(${JSON.stringify(source)});
      const lan = await createLan('killed');
      const station = await lan.attach('a');
      const daemon = station.start('sh', ['-c', 'echo armed; exec sleep 60'], {
        logPath: ${JSON.stringify(join(directory, 'sleep.log'))} });
      await daemon.waitForLog(/armed/, 5000);
      console.log(daemon.pid);
      setInterval(() => {}, 1000);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const sleeper = await new Promise<number>((resolve) => owner.stdout.once('data', (line) => resolve(Number(line))));
    const ended = new Promise((resolve) => owner.once('exit', resolve));
    owner.kill('SIGKILL');
    await ended;
    await expect.poll(() => existsSync(`/proc/${sleeper}`), { timeout: 5000 }).toBe(false);

    lan = await createLan('next');
    const left = (await run('ip', ['netns', 'list'])).split('\n').filter((line) => line.includes(`-${owner.pid}-`));
    expect(left).toEqual([]);
  });
});

describe('a daemon', () => {
  test('which ends before it is ready is reported with what it said', async () => {
    const logPath = join(tmpdir(), `hobnail-daemon-${process.pid}.log`);
    const daemon = startDaemon('sh', ['-c', 'echo no such thing; exit 3'], { logPath });
    await expect(daemon.waitForLog(/ready/, 5000)).rejects.toThrow(/no such thing/);
    expect(await daemon.ended).toBe(3);
    expect(daemon.running()).toBe(false);
    await rm(logPath, { force: true });
  });
});

const CONNECT = `const [host, code] = process.argv.slice(1);
  require('node:net').connect(9, host).on('error', (error) => process.exit(error.code === code ? 0 : 1));`;

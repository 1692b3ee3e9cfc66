import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const packaging = resolve(import.meta.dirname, '../../packaging');
let directory: string;

/** The units as installed, but with a program that is surely there: verify looks for it. */
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'hobnail-units-'));
  mkdirSync(directory, { recursive: true });
  const service = readFileSync(join(packaging, 'hobnail.service'), 'utf8');
  writeFileSync(join(directory, 'hobnail.service'), service.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
  copyFileSync(join(packaging, 'hobnail-eth0.socket'), join(directory, 'hobnail-eth0.socket'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test.each(['hobnail.service', 'hobnail-eth0.socket'])('systemd finds no fault in %s', (unit) => {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(directory, unit)], {
    encoding: 'utf8',
    env: { ...process.env, SYSTEMD_UNIT_PATH: `${directory}:` },
  });
  const ours = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('hobnail'));
  expect(ours).toEqual([]);
  expect(status, stderr).toBe(0);
});

test('systemd calls the exposure of the service "OK", 2.0 or less of 10', () => {
  const { status, stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--threshold=20', join(directory, 'hobnail.service')],
    { encoding: 'utf8' },
  );
  expect(stdout + stderr).toContain('Overall exposure level');
  expect(status, stdout.split('\n').slice(-3).join('\n')).toBe(0);
});

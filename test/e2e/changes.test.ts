/** Edits while it runs: what the next boot sees of them, and what a broken one does to those that worked. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import type { Mac } from '../../src/net/mac.ts';
import { createTestLan, type TestLan } from './boot.ts';
import { NET } from './boot-server.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { BIOS_HOST, type TestHost } from './hosts.ts';
import { checkRequirements } from './requirements.ts';
import { execOn, HTTP, hobnailOn, layOut, logIn, type Operator, SERVER, startServe } from './serve.ts';

const OTHER_HOST: TestHost = { name: 'bios-other', mac: '52:54:00:77:00:03' as Mac, loader: 'ipxe' };

describe.skipIf(!(await checkRequirements('clients')))('changes', () => {
  describe('of hosts', () => {
    let lan: TestLan;
    let operator: Operator;
    beforeAll(async () => {
      lan = await createTestLan({ label: 'changes', hosts: [BIOS_HOST, OTHER_HOST] });
      const { station, directory } =
        lan.server.appliance ?? expect.fail('this test is about Hobnail, not about a control');
      operator = await logIn(station, directory);
    });
    afterAll(() => lan?.close());

    test('are not needed for two machines at once to get each its own configuration', async () => {
      const boots = [BIOS_HOST, OTHER_HOST].map((host) => lan.boot(host, { boot: 'bios-pxe', timeoutMs: 240_000 }));
      const [one, other] = await Promise.all(boots);
      expect(one?.report.commandLine).toContain(`hobnail.host=${BIOS_HOST.name} `);
      expect(other?.report.commandLine).toContain(`hobnail.host=${OTHER_HOST.name} `);
      expect(one?.report.hostname).toBe(BIOS_HOST.name);
      expect(other?.report.hostname).toBe(OTHER_HOST.name);
      expect(one?.report.address).not.toBe(other?.report.address);
    });

    test('by the API need the revision they were made on, and hold for the next boot', async () => {
      const path = `hosts/${BIOS_HOST.name}`;
      const read = await operator.ask('GET', path);
      expect(read.body).toMatchObject({ profile: BIOS_HOST.name });
      const body = { profile: OTHER_HOST.name };
      expect((await operator.ask('PATCH', path, { body })).status).toBe(428);

      const changed = await operator.ask('PATCH', path, { body, ifMatch: read.etag });
      expect(changed).toMatchObject({ status: 200, body: { profile: OTHER_HOST.name } });
      expect((await operator.ask('PATCH', path, { body, ifMatch: read.etag })).status).toBe(412);

      const { report } = await lan.boot(BIOS_HOST, { boot: 'bios-pxe' });
      expect(report.commandLine).toContain(`hobnail.host=${OTHER_HOST.name} `);
      expect(report.hostname).toBe(BIOS_HOST.name);
    });
  });

  describe('of templates', () => {
    const SCRIPT = 'ipxe/52-54-00-77-00-21.ipxe';
    const PXELINUX = 'pxelinux.cfg/01-52-54-00-77-00-21';
    let lan: Lan;
    let station: Station;
    let files: TestDirectory;
    let operator: Operator;
    const template = (name: string) => join(files.path, 'templates', name);
    const byHttp = (path: string) => execOn(station, ['curl', '-sS', '--fail', `${HTTP}/${path}`]);
    const byTftp = (path: string) => execOn(station, ['curl', '-sS', `tftp://${SERVER}/${path}`]);
    const log = () => readFile(join(files.path, 'hobnail.log'), 'utf8');

    beforeAll(async () => {
      files = await makeDirectory('templates');
      lan = await createLan('e2e-templates');
      await mkdir(join(files.path, 'data'));
      await layOut(files.path, {
        'profiles/hosts/web01.yaml': { macs: ['52:54:00:77:00:21'], profile: 'rescue' },
        'boot-images/rescue/linux': 'a kernel',
        'boot-images/rescue/initrd.img': 'an initramfs',
      });
      station = await lan.attach('server', NET.server);
      await startServe(station, files.path);
      operator = await logIn(station, files.path);
    });
    afterAll(async () => {
      await lan?.close();
      await files?.close();
    });

    test.each([
      { door: 'HTTP', path: SCRIPT, name: 'ipxe/machine.ipxe.hbs', get: byHttp },
      { door: 'TFTP', path: PXELINUX, name: 'pxelinux.cfg/machine.hbs', get: byTftp },
    ])('that break one are reported with file, line and column, and $door serves the version before', async (given) => {
      const { path, name, get } = given;
      const good = await readFile(template(name), 'utf8');
      const expected = (await hobnailOn(station, files.path, 'render', 'web01', path)).stdout;
      expect(expected).toContain('web01');
      // Nothing has asked for the file so far: the version of the start is the one to fall back on.
      await writeFile(template(name), `${good}\n{{#if host.name}}\nx{{/unless}}\n`);
      const place = new RegExp(`templates/${name.replaceAll('.', '\\.')}:\\d+:\\d+: `);

      expect(await get(path)).toMatchObject({ code: 0, stdout: expected });
      await expect.poll(log).toContain('a template has problems; its last good version is served');
      await expect.poll(log).toMatch(place);
      expect((await operator.ask('GET', 'status')).body).toMatchObject({ problems: [{ file: `templates/${name}` }] });
      const check = await hobnailOn(station, files.path, 'check');
      expect(check.output).toMatch(place);
      expect(check.code).toBe(1);

      await writeFile(template(name), `${good}# mended\n`);
      expect((await get(path)).stdout).toBe(`${expected}# mended\n`);
      expect((await operator.ask('GET', 'status')).body).toMatchObject({ problems: [] });
      expect(await hobnailOn(station, files.path, 'check')).toMatchObject({ code: 0 });
    });

    test('that ask for an unknown variable fail that file only, with its name and line', async () => {
      await writeFile(template('ipxe/machine.ipxe.hbs'), '#!ipxe\nset disk {{vars.dsik}}\n');
      const refused = await execOn(station, ['curl', '-sS', '-w', '%{http_code}', `${HTTP}/${SCRIPT}`]);
      expect(refused.stdout).toMatch(/could not be rendered.*500$/s);
      await expect.poll(log).toMatch(/template-failed.*templates\/ipxe\/machine\.ipxe\.hbs:2:\d+.*dsik/);
      expect((await byTftp(PXELINUX)).stdout).toContain('web01');
    });
  });
});

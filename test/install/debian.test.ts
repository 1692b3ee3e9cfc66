/** Debian's own installer, unattended, by the shipped profile: armed, installed on an empty disk, and booted from it. */
import { mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { pullImages } from '../../src/images/pull.ts';
import { type Daemon, run } from '../../src/lab/command.ts';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import { type Machine, plainText, startMachine } from '../../src/lab/machine.ts';
import { missingRequirements } from '../../src/lab/requirements.ts';
import type { Mac } from '../../src/net/mac.ts';
import { NET } from '../e2e/boot-server.ts';
import { splitCapture } from '../e2e/capture.ts';
import { makeDirectory, type TestDirectory } from '../e2e/directory.ts';
import { layOut, logIn, type Operator, startServe } from '../e2e/serve.ts';
import { readArchives } from './apt.ts';
import { prepareComponents, type StandIns } from './components.ts';
import { type PackageProxy, startPackageProxy } from './package-proxy.ts';
import { createStory, type Story } from './story.ts';

const NAME = 'harbour07';
const MAC = '52:54:00:77:00:61' as Mac;
const PROXY = '10.77.0.4/24';
const DISK_BYTES = 4 * 1024 ** 3;
const LIMIT_MS = 5_300_000;
const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEhvYm5haWxIb2JuYWlsSG9ibmFpbEhvYm5haWxIb2Ju it\'s "ann" & co';

/** An initramfs for this machine alone: the one for all machines takes minutes to pack. */
const SMALL_INITRAMFS = ['base-installer/initramfs-tools/driver-policy=dep'];
const SHIPPED = new URL('../../profiles/install-debian.yaml', import.meta.url);

const reasons = await missingRequirements([{ debian: 'e2fsprogs', needs: ['debugfs'] }]);
if (reasons.length > 0) throw new Error(`no installation can run here:\n  - ${reasons.join('\n  - ')}`);

describe('Debian 12, unattended', () => {
  let lan: Lan;
  let files: TestDirectory;
  let station: Station;
  let daemon: Daemon;
  let operator: Operator;
  let proxy: PackageProxy;
  let components: StandIns;
  let story: Story;
  let diskPath: string;

  beforeAll(async () => {
    files = await makeDirectory('install');
    lan = await createLan('e2e-install');
    const images = join(files.path, 'boot-images');
    await mkdir(join(images, 'stand-ins'), { recursive: true });
    await pullImages({ imagesRoot: images });
    await pullImages({ imagesRoot: images, references: ['debian-12'] });

    const archives = (await readArchives()).filter(({ label }) => /^Debian/.test(label));
    const main = archives.find(({ label, codename }) => label === 'Debian' && codename === 'bookworm');
    const security = archives.find(({ codename }) => codename === 'bookworm-security');
    if (!main || !security) throw new Error('apt of this system has no Debian 12 with its security updates');
    components = await prepareComponents(main, join(images, 'debian/installer/initrd.gz'), join(files.path, 'parts'));
    if (components.initrd) await writeFile(join(images, 'stand-ins/components.gz'), components.initrd);
    proxy = await startPackageProxy(lan, { archives, address: PROXY, directory: files.path });

    const shipped = parse(await readFile(SHIPPED, 'utf8')) as { initrd: string[]; args: string[] };
    station = await lan.attach('server', NET.server);
    await layOut(files.path, {
      // The shipped profile; the installer shall write lines instead of drawing windows on the serial port.
      'profiles/debian-in-lines.yaml': {
        extends: 'install-debian',
        args: ['DEBIAN_FRONTEND=text', ...SMALL_INITRAMFS, ...shipped.args],
        ...(components.initrd && { initrd: [...shipped.initrd, 'stand-ins/components.gz'] }),
      },
      [`profiles/hosts/${NAME}.yaml`]: {
        macs: [MAC],
        profile: 'debian-in-lines',
        vars: {
          disk: '/dev/vda',
          console: 'ttyS0',
          ssh_authorized_keys: [KEY],
          mirror_host: new URL(main.uri).host,
          mirror_directory: new URL(main.uri).pathname.replace(/\/$/, ''),
          security_host: new URL(security.uri).host,
          proxy: `${proxy.url}/`,
          // As little as an installation can be: the processor is emulated.
          tasks: [],
          packages: [],
          recommends: false,
          upgrade: 'none',
          update_policy: 'none',
        },
      },
    });
    diskPath = join(files.path, 'disk.img');
    const disk = await open(diskPath, 'w');
    await disk.truncate(DISK_BYTES);
    await disk.close();
    daemon = await startServe(station, files.path);
    operator = await logIn(station, files.path);
    story = createStory(proxy);
    if (components.missing.length > 0)
      story.say(`the mirror lacks ${components.missing.join(', ')}: steps of the installer are stood in for`);
  });
  afterAll(async () => {
    await lan?.close();
    await proxy?.close();
    await files?.close();
  });

  test('is left alone until it is armed, installs itself from our answers, and boots from its disk', async () => {
    const made = await operator.ask('POST', 'deployments', { body: { host: NAME } });
    expect(made).toMatchObject({ status: 201, body: { state: 'armed', spendOn: 'answer' } });
    const { id } = made.body as { id: string };

    story.begin('power on');
    const machine = await powerOn('install');
    const captures = [machine.capturePath];
    try {
      const states = ['offered', 'script', 'kernel', 'installing'];
      for (const state of states) {
        await until(machine, state, async () => (await statesOf(id)).includes(state));
        story.begin(state);
      }
      await until(machine, 'its first package', async () => proxy.fetched.some((path) => path.endsWith('.deb')));
      story.begin('base system');
      await until(machine, 'a kernel', async () => proxy.fetched.some((path) => /\/linux-image-\d/.test(path)));
      story.begin('kernel package');
      await until(machine, 'GRUB', async () => proxy.fetched.some((path) => /\/grub-pc/.test(path)));
      story.begin('boot loader');
      await until(machine, 'succeeded', async () => (await statesOf(id)).includes('succeeded'));
      story.begin('called back');
      await until(machine, 'its reboot', async () => !machine.running());
      story.begin('off');
    } finally {
      await machine.close();
    }
    expect(proxy.refused).toEqual([]);

    // Assigned, and no longer armed: the same boot order, and this time its own disk.
    const again = await powerOn('disk');
    captures.push(again.capturePath);
    try {
      await until(again, 'a login prompt', async () => (await consoleOf(again)).includes(`${NAME} login:`));
      story.begin('login prompt');
      expect(await consoleOf(again)).toContain('Debian GNU/Linux 12');
    } finally {
      await again.close();
    }
    expect((await operator.ask('GET', `deployments/${id}`)).body).toMatchObject({
      state: 'succeeded',
      spent: 1,
      boots: 1,
    });

    const onDisk = (path: string) => run('debugfs', ['-R', `cat ${path}`, `${diskPath}?offset=1048576`]);
    expect(await onDisk('/etc/hostname')).toBe(`${NAME}\n`);
    expect(await onDisk('/root/.ssh/authorized_keys')).toBe(`${KEY}\n`);
    expect(await onDisk('/etc/shadow')).toMatch(/^root:\*:/m);
    // Written by the installer's apt-setup, which has no stand-in.
    if (!components.missing.includes('apt-setup-udeb')) {
      expect(await onDisk('/etc/apt/apt.conf')).toContain(proxy.url);
    }
    story.say(`installed packages: ${[...(await onDisk('/var/lib/dpkg/status')).matchAll(/^Package: /gm)].length}`);
    for (const path of captures) expect(strangers(await readFile(path))).toEqual([]);
    story.end();
  });

  const powerOn = (name: string) =>
    startMachine(lan, {
      name,
      mac: MAC,
      boot: 'bios-pxe',
      directory: files.path,
      diskPath,
      memoryMiB: 1024,
      processors: 2,
    });

  async function consoleOf(machine: Machine): Promise<string> {
    return plainText(await readFile(machine.consolePath, 'latin1').catch(() => ''));
  }

  async function statesOf(id: string): Promise<readonly string[]> {
    const { body } = await operator.ask('GET', `deployments/${id}`);
    return (body as { history: { state: string }[] }).history.map(({ state }) => state);
  }

  async function until(machine: Machine, what: string, done: () => Promise<boolean>): Promise<void> {
    while (!(await done().catch(() => false))) {
      const over = !machine.running() && !(await done().catch(() => false));
      if (over || performance.now() > LIMIT_MS) {
        const log = plainText(await daemon.log())
          .split('\n')
          .slice(-25)
          .join('\n');
        const wrong = [...proxy.failed, ...proxy.refused].slice(-20).join('\n');
        throw new Error(
          `no ${what}\n--- console\n${await machine.consoleTail()}\n--- server\n${log}\n--- proxy\n${wrong}`,
        );
      }
      await story.watch(await consoleOf(machine));
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
});

/** IPv4 addresses outside of the test LAN that the machine spoke with. */
function strangers(capture: Buffer): string[] {
  const met = new Set<string>();
  for (const frame of splitCapture(capture)) {
    if (frame.length < 34 || frame.readUInt16BE(12) !== 0x0800) continue;
    for (const at of [26, 30]) met.add([...frame.subarray(at, at + 4)].join('.'));
  }
  const own = /^(?:10\.77\.0\.\d+|0\.0\.0\.0|255\.255\.255\.255|22[4-9]\..*|239\..*)$/;
  return [...met].filter((address) => !own.test(address));
}

/** A machine with a disk: assigned is not armed, armed installs once, and what was installed is what boots afterwards. */
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pullImages } from '../../src/images/pull.ts';
import type { Daemon } from '../../src/lab/command.ts';
import { prepareGuest } from '../../src/lab/kernel.ts';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import { type Machine, plainText, startMachine } from '../../src/lab/machine.ts';
import type { MachineBoot } from '../../src/lab/qemu.ts';
import type { Mac } from '../../src/net/mac.ts';
import { NET } from './boot-server.ts';
import { readTraffic, type Traffic } from './capture.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { biosDisk, uefiDisk } from './disk-image.ts';
import { checkRequirements } from './requirements.ts';
import { layOut, logIn, type Operator, startServe } from './serve.ts';

/**
 * Fetches its answers by the URL on its command line, writes the disk they name, calls back until somebody listens. The server may
 * be killed at any moment after the answers.
 */
const INSTALLER = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
for module in $(cat /modules/order); do insmod /modules/$module; done
for word in $(cat /proc/cmdline); do
  case $word in hobnail.answer=*) answer=\${word#*=} ;; esac
done
sleep 1
card=$(basename $(dirname $(ls -d /sys/class/net/*/device | head -n 1)))
ip link set $card up
udhcpc -i $card -n -q -f -t 8 -T 1 -s /udhcpc || { echo 'installer: no address'; poweroff -f; }
wget -q -O /answers "$answer" || { echo "installer: no answers at $answer"; sleep 1; poweroff -f; }
. /answers
until wget -q -O /image "$IMAGE"; do sleep 1; done
dd if=/image of=$DISK bs=64k conv=fsync 2>/log || { echo 'installer: cannot write'; poweroff -f; }
sync
echo "installer: wrote $DISK"
sleep 8
until wget -q -O /dev/null --post-file /log "$CALLBACK"; do sleep 1; done
echo 'installer: called back'
poweroff -f
`;

const ANSWERS = `DISK={{quote "shell" vars.disk}}
IMAGE={{quote "shell" (fileUrl vars.image)}}
CALLBACK={{quote "shell" (callbackUrl "succeeded")}}
`;

interface Case {
  readonly name: string;
  readonly mac: Mac;
  readonly boot: MachineBoot;
  readonly disk: (says: string) => Buffer;
  /** Of the host's file: how it gets to its disk. */
  readonly more: object;
}

const CASES: readonly Case[] = [
  { name: 'bios', mac: '52:54:00:77:00:41' as Mac, boot: 'bios-pxe', disk: biosDisk, more: {} },
  {
    name: 'uefi',
    mac: '52:54:00:77:00:42' as Mac,
    boot: 'uefi-pxe',
    disk: uefiDisk,
    more: { loader: 'ipxe', localBoot: 'exit' },
  },
];

describe.skipIf(!(await checkRequirements('clients')))('a machine with a disk', () => {
  let lan: Lan;
  let files: TestDirectory;
  let station: Station;
  let daemon: Daemon;
  let operator: Operator;

  beforeAll(async () => {
    const guest = await prepareGuest(undefined, INSTALLER);
    files = await makeDirectory('deploy');
    lan = await createLan('e2e-deploy');
    station = await lan.attach('server', NET.server);
    await layOut(files.path, {
      'templates/install/lab.conf.hbs': ANSWERS,
      'profiles/lab-install.yaml': {
        kind: 'install',
        kernel: 'guest/vmlinuz',
        initrd: ['guest/installer.img'],
        args: [...guest.args, 'hobnail.answer={{answerUrl (concat "install/" mac.hyphen ".conf")}}'],
        params: {
          properties: { disk: { type: 'string', pattern: '^/dev/' }, image: { type: 'string' } },
          required: ['disk'],
        },
        files: [{ path: 'install/:mac.conf', template: 'install/lab.conf.hbs' }],
      },
      ...Object.fromEntries(
        CASES.map(({ name, mac, more }) => [
          `profiles/hosts/${name}.yaml`,
          { macs: [mac], profile: 'lab-install', vars: { disk: '/dev/vda', image: `disks/${name}.img` }, ...more },
        ]),
      ),
    });
    const images = join(files.path, 'boot-images');
    for (const name of ['guest', 'disks']) await mkdir(join(images, name), { recursive: true });
    await pullImages({ imagesRoot: images });
    await copyFile(guest.kernelPath, join(images, 'guest/vmlinuz'));
    await copyFile(guest.initramfsPath, join(images, 'guest/installer.img'));
    for (const { name, disk } of CASES)
      await writeFile(join(images, `disks/${name}.img`), disk(`NEW SYSTEM of ${name}`));
    daemon = await startServe(station, files.path);
    operator = await logIn(station, files.path);
  });
  afterAll(async () => {
    await lan?.close();
    await files?.close();
  });

  test.each(CASES)(
    '$name: is left alone, then installed once, by API, with the server killed in between',
    async (one) => {
      const diskPath = join(files.path, `${one.name}.disk`);
      const disk = Buffer.alloc(16 * 1024 * 1024);
      one.disk(`OLD SYSTEM of ${one.name}`).copy(disk);
      await writeFile(diskPath, disk);

      // Assigned, not armed.
      const first = await bootToDisk(one, diskPath, 'OLD SYSTEM');
      expect(kernels(first)).toEqual([]);

      const made = await operator.ask('POST', 'deployments', { body: { host: one.name } });
      expect(made).toMatchObject({ status: 201, body: { state: 'armed', spendOn: 'answer', attempts: 1 } });
      const { id } = made.body as { id: string };

      const machine = await powerOn(one, diskPath);
      try {
        await waitForState(id, 'installing', machine);
        // Killed between the answer that spent the attempt and the callback.
        process.kill(daemon.pid, 'SIGKILL');
        await daemon.ended;
        daemon = await startServe(station, files.path, { log: `hobnail-${one.name}.log` });
        const risen = (await operator.ask('GET', `deployments/${id}`)).body;
        expect(risen).toMatchObject({ state: 'installing', spent: 1 });
        await waitForState(id, 'succeeded', machine);
        await machine.ended;
      } finally {
        await machine.close();
      }
      const { history } = (await operator.ask('GET', `deployments/${id}`)).body as { history: { state: string }[] };
      expect(history.map(({ state }) => state)).toEqual(
        expect.arrayContaining(['draft', 'armed', 'offered', 'script', 'kernel', 'installing', 'succeeded']),
      );

      // Rebooted: what it wrote, not the installer.
      const again = await bootToDisk(one, diskPath, 'NEW SYSTEM');
      expect(kernels(again)).toEqual([]);
      expect((await operator.ask('GET', `deployments/${id}`)).body).toMatchObject({ state: 'succeeded', boots: 1 });
    },
  );

  const powerOn = (one: Case, diskPath: string) =>
    startMachine(lan, { name: one.name, mac: one.mac, boot: one.boot, directory: files.path, diskPath });

  /** Resolves with what it asked the network for before its disk spoke. */
  async function bootToDisk(one: Case, diskPath: string, says: string): Promise<Traffic> {
    const machine = await powerOn(one, diskPath);
    try {
      const spoken = `${says} of ${one.name}`;
      await until(machine, `"${spoken}"`, async () => (await readFile(machine.consolePath, 'latin1')).includes(spoken));
      return await readTraffic(machine.capturePath);
    } finally {
      await machine.close();
    }
  }

  function waitForState(id: string, state: string, machine: Machine): Promise<void> {
    return until(machine, state, async () => {
      const { body } = await operator.ask('GET', `deployments/${id}`);
      return (body as { history: { state: string }[] }).history.some((move) => move.state === state);
    });
  }

  async function until(machine: Machine, what: string, done: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 240_000;
    while (!(await done().catch(() => false))) {
      if (performance.now() > deadline || (!machine.running() && !(await done().catch(() => false)))) {
        const log = plainText(await daemon.log())
          .split('\n')
          .slice(-25)
          .join('\n');
        throw new Error(`no ${what}\n--- console\n${await machine.consoleTail()}\n--- server\n${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
});

function kernels({ http }: Traffic): readonly string[] {
  return http.filter((request) => request.includes('vmlinuz'));
}

/** Debian's dnsmasq: as the control boot server, and as the address-only DHCP server beside which a proxy works. */
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LabHost } from '../../src/lab/appliance.ts';
import type { Lan, Station } from '../../src/lab/lan.ts';
import { formatMac } from '../../src/net/mac.ts';
import { type BootServer, NET, type ServerOptions } from './boot-server.ts';
import { LOADERS } from './loaders.ts';

/** An ordinary DHCP server as in a router: addresses, no boot file; and the next server only when it was told one. */
export async function startAddressServer(lan: Lan, directory: string, nextServer?: string): Promise<BootServer> {
  const station = await lan.attach('router', NET.plainDhcp);
  const range = `dhcp-range=${NET.poolFirst},${NET.poolLast},255.255.255.0,1h`;
  const next = nextServer === undefined ? [] : [`dhcp-boot=,,${nextServer}`];
  return startWith(station.name, station, directory, [range, ...next]);
}

/** The control: what Hobnail is asked to do, as far as dnsmasq can do it. */
export async function startDnsmasq(lan: Lan, options: ServerOptions): Promise<BootServer> {
  const station = await lan.attach('server', NET.server);
  const root = join(options.directory, 'tftp');
  await writeTree(root, options, station.address);
  station.start('/bin/busybox', ['httpd', '-f', '-p', `${station.address}:80`, '-h', root], {
    logPath: join(options.directory, 'httpd.log'),
  });
  return startWith('server', station, options.directory, bootLines(options, root, station.address));
}

async function startWith(
  name: string,
  station: Station,
  directory: string,
  lines: readonly string[],
): Promise<BootServer> {
  const configuration = join(directory, `dnsmasq-${name}.conf`);
  const common = [
    'port=0',
    'interface=lan0',
    'bind-interfaces',
    'user=root',
    'no-ping',
    'dhcp-authoritative',
    `dhcp-leasefile=${join(directory, `dnsmasq-${name}.leases`)}`,
    `pid-file=${join(directory, `dnsmasq-${name}.pid`)}`,
  ];
  await writeFile(configuration, `${[...common, ...lines].join('\n')}\n`);
  const args = ['--keep-in-foreground', '--log-facility=-', `--conf-file=${configuration}`];
  const daemon = station.start('dnsmasq', args, { logPath: join(directory, `dnsmasq-${name}.log`) });
  await daemon.waitForLog(/started, version/, 10_000);
  return { log: daemon.log };
}

function bootLines(options: ServerOptions, root: string, address: string): string[] {
  const lines = ['enable-tftp', `tftp-root=${root}`];
  lines.push(
    options.mode === 'server'
      ? `dhcp-range=${NET.poolFirst},${NET.poolLast},255.255.255.0,1h`
      : 'dhcp-range=10.77.0.0,proxy,255.255.255.0',
  );
  lines.push(
    'dhcp-match=set:script,175',
    'dhcp-match=set:bios,option:client-arch,0',
    'dhcp-match=set:uefi,option:client-arch,7',
    'dhcp-match=set:http,option:client-arch,16',
    'dhcp-option-force=tag:http,60,HTTPClient',
  );
  for (const host of options.hosts) {
    lines.push(`dhcp-mac=set:${host.name},${host.mac}`);
    const files = {
      script: `ipxe/${formatMac(host.mac, 'hyphen')}.ipxe`,
      bios: LOADERS[host.loader === 'pxelinux' ? 'bios-pxelinux' : 'bios-ipxe'].path,
      uefi: LOADERS[host.loader === 'grub' ? 'uefi-grub' : 'uefi-ipxe'].path,
    };
    lines.push(...(options.mode === 'server' ? serverLines(host, files, address) : proxyLines(host, files)));
  }
  return lines;
}

interface BootFiles {
  readonly script: string;
  readonly bios: string;
  readonly uefi: string;
}

function serverLines(host: LabHost, files: BootFiles, address: string): string[] {
  const boot = (when: string, file: string) => `dhcp-boot=${when},tag:${host.name},${file},,${address}`;
  return [
    boot('tag:script', files.script),
    boot('tag:http,tag:!script', `http://${address}/${LOADERS['uefi-ipxe'].path}`),
    boot('tag:bios,tag:!script', files.bios),
    boot('tag:uefi,tag:!script', files.uefi),
  ];
}

// As a proxy dnsmasq names files only as PXE services; a single one is started without a menu.
function proxyLines(host: LabHost, files: BootFiles): string[] {
  const service = (when: string, system: string, file: string) =>
    `pxe-service=${when},tag:${host.name},${system},"boot",${file}`;
  return [
    service('tag:script', 'x86PC', files.script),
    service('tag:script', 'x86-64_EFI', files.script),
    service('tag:!script', 'x86PC', files.bios),
    service('tag:!script', 'x86-64_EFI', files.uefi),
  ];
}

async function writeTree(root: string, options: ServerOptions, address: string): Promise<void> {
  const { guest } = options;
  const put = async (path: string, text: string) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  };
  for (const loader of Object.values(LOADERS)) {
    await mkdir(dirname(join(root, loader.path)), { recursive: true });
    await copyFile(loader.file, join(root, loader.path));
  }
  await symlink(guest.kernelPath, join(root, 'vmlinuz'));
  await symlink(guest.initramfsPath, join(root, 'initrd'));
  for (const host of options.hosts) {
    const args = [...guest.args, ...host.args].join(' ');
    await put(`ipxe/${formatMac(host.mac, 'hyphen')}.ipxe`, ipxeScript(`http://${address}`, args));
    await put(`pxelinux.cfg/${formatMac(host.mac, 'pxelinux')}`, pxelinuxFile(args));
    await put(`grub/grub.cfg-01-${host.mac}`, grubFile(args));
  }
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a GRUB variable
  await put('grub/grub.cfg', 'configfile (tftp)/grub/grub.cfg-01-${net_default_mac}\n');
}

function ipxeScript(base: string, args: string): string {
  return `#!ipxe\nkernel ${base}/vmlinuz initrd=initrd ${args}\ninitrd ${base}/initrd\nboot\n`;
}

function pxelinuxFile(args: string): string {
  return `DEFAULT guest\nLABEL guest\n  KERNEL vmlinuz\n  INITRD initrd\n  APPEND ${args}\n`;
}

function grubFile(args: string): string {
  return `linux /vmlinuz ${args}\ninitrd /initrd\nboot\n`;
}

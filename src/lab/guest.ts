/** The small Linux a lab machine boots into: an initramfs that reports how it was started, then switches off. */
import { readFile } from 'node:fs/promises';
import { type CpioEntry, encodeCpio } from './cpio.ts';

/** A kernel module with its file name, in the order the modules have to be loaded. */
export interface KernelModule {
  readonly name: string;
  readonly data: Uint8Array;
}

/**
 * First program of the guest. It reads the report's URL from the command line (`hobnail.report=http://…`), so a report
 * can only come from a machine which was given its own command line.
 */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
say() { echo "guest: $*"; }
finish() { say "$*"; sync; poweroff -f; }

say "kernel is up after $(cut -d' ' -f1 /proc/uptime) s"
for module in $(cat /modules/order); do insmod /modules/$module || say "cannot load $module"; done
report=
for word in $(cat /proc/cmdline); do
  case $word in hobnail.report=*) report=\${word#*=} ;; esac
done
[ -n "$report" ] || finish "no hobnail.report= on the command line: $(cat /proc/cmdline)"

card=
for try in 1 2 3 4 5 6 7 8 9 10; do
  for path in /sys/class/net/*/device; do [ -e "$path" ] && card=$(basename $(dirname $path)); done
  [ -n "$card" ] && break
  sleep 0.2
done
[ -n "$card" ] || finish "no network card"
ip link set $card up
udhcpc -i $card -n -q -f -t 8 -T 1 -s /udhcpc || finish "no address"
. /lease
{
  echo "mac=$(cat /sys/class/net/$card/address)"
  echo "ip=$ip"
  echo "server=$serverid"
  echo "hostname=$hostname"
  echo "uptime=$(cut -d' ' -f1 /proc/uptime)"
  echo "secureboot=$(dmesg | grep -c 'Secure boot enabled')"
  echo "cmdline=$(cat /proc/cmdline)"
} > /report
for try in 1 2 3 4 5; do
  timeout 5 wget -q -O /dev/null --header "Content-Type: text/plain" --post-file /report "$report" && finish "reported to $report"
  sleep 1
done
finish "cannot report to $report"
`;

const UDHCPC = `#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip addr add $ip/\${mask:-24} dev $interface
[ -n "$router" ] && ip route add default via $router
{ echo "ip='$ip'"; echo "serverid='$serverid'"; echo "hostname='$hostname'"; } > /lease
`;

/** Builds the initramfs (uncompressed) from a static busybox and the modules of the network card. */
export async function buildInitramfs(modules: readonly KernelModule[], init = INIT): Promise<Buffer> {
  const order = `${modules.map((module) => module.name).join('\n')}\n`;
  const directory = (path: string): CpioEntry => ({ kind: 'directory', path });
  const file = (path: string, data: Uint8Array | string, mode = 0o644): CpioEntry => ({
    kind: 'file',
    path,
    mode,
    data: typeof data === 'string' ? Buffer.from(data) : data,
  });
  return encodeCpio([
    ...['bin', 'dev', 'proc', 'sys', 'modules'].map(directory),
    // The kernel opens it for the first program before /dev is mounted.
    { kind: 'device', path: 'dev/console', major: 5, minor: 1 },
    file('bin/busybox', await readFile('/bin/busybox'), 0o755),
    file('init', init, 0o755),
    file('udhcpc', UDHCPC, 0o755),
    file('modules/order', order),
    ...modules.map((module) => file(`modules/${module.name}`, module.data)),
  ]);
}

/**
 * The machine's network interfaces. `os.networkInterfaces()` knows the addresses but leaves out interfaces without one;
 * /sys/class/net knows them all. Where there is no /sys (not Linux) the first alone is the answer, with index 0.
 */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { type NetworkInterfaceInfo, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type Ipv4, ipv4ToNumber, parseIpv4, prefixOfNetmask } from '../net/ipv4.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import { classifyInterface, type InterfaceKind } from './interface-kind.ts';

export interface InterfaceAddress {
  readonly address: Ipv4;
  /** Prefix length, 0–32. */
  readonly prefix: number;
}

export interface NetworkInterface {
  readonly name: string;
  /** The kernel's number; another one for the same name means it was deleted and made again. */
  readonly index: number;
  /** Undefined for interfaces without a 48-bit address, as tunnels. */
  readonly mac: Mac | undefined;
  readonly kind: InterfaceKind;
  /** Bytes. */
  readonly mtu: number;
  /** Switched on by the operator. */
  readonly up: boolean;
  /** A cable, or what stands for one. False while down. */
  readonly carrier: boolean;
  /** IPv4 addresses in the kernel's order; empty while there is no carrier. */
  readonly addresses: readonly InterfaceAddress[];
  /** Whether it has an IPv6 address beyond the link-local one: IPv6 is in use there. */
  readonly ipv6: boolean;
}

/** Where to look; the default is this machine. */
export interface InterfaceSources {
  readonly sysClassNet?: string;
  readonly addresses?: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
}

const IFF_UP = 1;

/** All interfaces, by index then name. Never throws: what vanishes while it is read is left out. */
export function listInterfaces(sources: InterfaceSources = {}): NetworkInterface[] {
  const root = sources.sysClassNet ?? '/sys/class/net';
  const addresses = readAddresses((sources.addresses ?? networkInterfaces)());
  const names = listDirectories(root);
  const found =
    names.length > 0
      ? names.map((name) => readInterface(root, name, addresses.get(name) ?? []))
      : [...addresses].map(([name, infos]) => withoutSysfs(name, infos));
  return found
    .filter((one) => one !== undefined)
    .sort((a, b) => a.index - b.index || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** True for an interface worth serving by default: see `whyNotLan`. */
export function looksLikeLan(one: NetworkInterface): boolean {
  return whyNotLan(one) === undefined;
}

/**
 * Why an interface is left out by default, or undefined when it looks like a LAN of machines to boot. Names of bridges and
 * pairs made by container engines and hypervisors are left out, because their "machines" have their own DHCP.
 */
export function whyNotLan(one: NetworkInterface): string | undefined {
  if (one.kind === 'loopback') return 'it is the loopback';
  if (one.kind === 'tunnel') return 'it is a tunnel';
  if (one.kind === 'other') return 'it is not Ethernet';
  const engine = ENGINE_NAMES.find(([pattern]) => pattern.test(one.name))?.[1];
  if (engine) return `its name says it belongs to ${engine}`;
  if (!one.up) return 'it is down';
  if (!one.carrier) return 'it has no carrier';
  if (one.addresses.length === 0) return 'it has no IPv4 address';
  if (!one.addresses.some(isLanAddress)) return 'it has no address with a subnet of its own';
  return undefined;
}

const ENGINE_NAMES: readonly (readonly [RegExp, string])[] = [
  [/^(docker|br-|veth|podman)/, 'a container engine'],
  [/^(cni|flannel|cali|cilium|kube|nodelocaldns|weave|vxlan)/, 'a container network'],
  [/^(virbr|vnet|vmnet|vboxnet|lxc|lxdbr|incusbr|tap|macvtap)/, 'a hypervisor'],
  [/^(tun|wg|tailscale|zt|ppp|wwan)/, 'a tunnel'],
];

/** /31 and /32 have no room for clients; 169.254.0.0/16 means that no address was given. */
function isLanAddress(own: InterfaceAddress): boolean {
  return own.prefix < 31 && ipv4ToNumber(own.address) >>> 16 !== 0xa9fe;
}

function readInterface(
  root: string,
  name: string,
  addresses: readonly NetworkInterfaceInfo[],
): NetworkInterface | undefined {
  const directory = join(root, name);
  const index = Number(readLine(directory, 'ifindex'));
  if (!Number.isInteger(index) || index <= 0) return undefined;
  const flags = Number(readLine(directory, 'flags') ?? 0);
  const hardwareType = Number(readLine(directory, 'type') ?? 1);
  return {
    name,
    index,
    mac: ownMac(readLine(directory, 'address')),
    kind: classifyInterface({
      hardwareType,
      deviceType: /^DEVTYPE=(\S+)/m.exec(readText(directory, 'uevent') ?? '')?.[1],
      has: (entry) => exists(directory, entry),
    }),
    mtu: Number(readLine(directory, 'mtu') ?? 1500),
    up: (flags & IFF_UP) !== 0,
    // Reading `carrier` of an interface that is down fails with EINVAL.
    carrier: readLine(directory, 'carrier') === '1',
    addresses: addresses.flatMap(toAddress),
    ipv6: addresses.some(isRoutedIpv6),
  };
}

function withoutSysfs(name: string, infos: readonly NetworkInterfaceInfo[]): NetworkInterface {
  return {
    name,
    index: 0,
    mac: ownMac(infos[0]?.mac),
    kind: infos.some((info) => info.internal) ? 'loopback' : 'ethernet',
    mtu: 1500,
    up: true,
    carrier: true,
    addresses: infos.flatMap(toAddress),
    ipv6: infos.some(isRoutedIpv6),
  };
}

/** `eth0:1` is the label of an address on `eth0`, not an interface. */
function readAddresses(given: NodeJS.Dict<NetworkInterfaceInfo[]>): Map<string, NetworkInterfaceInfo[]> {
  const byName = new Map<string, NetworkInterfaceInfo[]>();
  for (const [label, infos = []] of Object.entries(given)) {
    const name = label.split(':')[0] ?? label;
    byName.set(name, [...(byName.get(name) ?? []), ...infos]);
  }
  return byName;
}

function toAddress(info: NetworkInterfaceInfo): InterfaceAddress[] {
  if (info.family !== 'IPv4') return [];
  const address = parseIpv4(info.address);
  const netmask = parseIpv4(info.netmask);
  const prefix = netmask && prefixOfNetmask(netmask);
  return address && prefix !== undefined ? [{ address, prefix }] : [];
}

/** fe80::/10 is on every interface by itself and says nothing. */
function isRoutedIpv6({ family, address, internal }: NetworkInterfaceInfo): boolean {
  return family === 'IPv6' && !internal && !/^fe[89ab]/i.test(address);
}

function ownMac(text: string | undefined): Mac | undefined {
  const mac = text === undefined ? undefined : parseMac(text);
  return mac === '00:00:00:00:00:00' ? undefined : mac;
}

/** Interfaces are links to directories; `bonding_masters` beside them is a file. */
function listDirectories(root: string): string[] {
  try {
    return readdirSync(root).filter((name) => statSync(join(root, name), { throwIfNoEntry: false })?.isDirectory());
  } catch {
    return [];
  }
}

function exists(directory: string, entry: string): boolean {
  return statSync(join(directory, entry), { throwIfNoEntry: false }) !== undefined;
}

function readLine(directory: string, entry: string): string | undefined {
  return readText(directory, entry)?.trim();
}

function readText(directory: string, entry: string): string | undefined {
  try {
    return readFileSync(join(directory, entry), 'utf8');
  } catch {
    return undefined;
  }
}

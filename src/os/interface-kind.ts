/** What sort of thing an interface is, from what the kernel shows of it in /sys/class/net/<name>. */

/** `virtual` is Ethernet without hardware: veth, macvlan, dummy; the `eth0` of a container is one. */
export type InterfaceKind =
  | 'loopback'
  | 'ethernet'
  | 'wireless'
  | 'bridge'
  | 'bond'
  | 'vlan'
  | 'virtual'
  | 'tunnel'
  | 'other';

export interface InterfaceTraits {
  /** `type`: ARPHRD_ number (`<linux/if_arp.h>`). */
  readonly hardwareType: number;
  /** `DEVTYPE=` in `uevent`. */
  readonly deviceType: string | undefined;
  /** Whether the directory has this entry. */
  has(entry: string): boolean;
}

const ARPHRD_ETHER = 1;
const ARPHRD_LOOPBACK = 772;
/** PPP, IP-in-IP (4 and 6), SIT, GRE (4 and 6), and "no link layer" of tun and WireGuard. */
const TUNNEL_HARDWARE = new Set([512, 768, 769, 776, 778, 823, 65534]);
const TUNNEL_DEVICES = new Set(['vxlan', 'geneve', 'gre', 'wireguard', 'ppp', 'wwan']);

export function classifyInterface(traits: InterfaceTraits): InterfaceKind {
  const { hardwareType, deviceType } = traits;
  if (hardwareType === ARPHRD_LOOPBACK) return 'loopback';
  if (TUNNEL_HARDWARE.has(hardwareType) || traits.has('tun_flags')) return 'tunnel';
  if (deviceType !== undefined && TUNNEL_DEVICES.has(deviceType)) return 'tunnel';
  if (hardwareType !== ARPHRD_ETHER) return 'other';
  if (traits.has('bridge')) return 'bridge';
  if (traits.has('bonding') || deviceType === 'bond') return 'bond';
  if (deviceType === 'vlan') return 'vlan';
  if (traits.has('wireless') || traits.has('phy80211')) return 'wireless';
  return traits.has('device') ? 'ethernet' : 'virtual';
}

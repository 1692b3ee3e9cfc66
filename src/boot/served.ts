/** Which network is served on which interface: the operator's networks, or safe defaults when there are none. */
import { type Cidr, cidrContains, type Ipv4, parseCidr } from '../net/ipv4.ts';
import type { ServerIdentity } from './context.ts';
import { type Network, networkSchema } from './network.ts';

/** What is known of an interface; `lan` says that it looks like a wire with machines on it. */
export interface InterfaceFacts {
  readonly name: string;
  readonly addresses: readonly { readonly address: Ipv4; readonly prefix: number }[];
  readonly lan: boolean;
  /** Whether IPv6 is in use there: we have an address of it that is not link-local. */
  readonly ipv6: boolean;
}

/** A network on one of our interfaces. */
export interface ServedNetwork {
  readonly network: Network;
  readonly interface: string;
  readonly address: Ipv4;
  readonly prefix: number;
  /** Whether IPv6 is in use on the interface. */
  readonly ipv6: boolean;
  readonly server: ServerIdentity;
}

/** Ports that machines are told. */
export interface ServedPorts {
  readonly http: number;
  readonly tftp: number;
}

export interface ServedResult {
  readonly served: readonly ServedNetwork[];
  /** Why a network or interface is not served, in words for the operator. */
  readonly notes: readonly string[];
}

/**
 * Matches networks to interfaces. Without any network every interface that looks like a LAN is served as a proxy:
 * boot answers for PXE, HTTP and iPXE clients only, never an address, unknown machines get the menu.
 */
export function chooseServed(
  networks: Iterable<Network>,
  interfaces: readonly InterfaceFacts[],
  ports: ServedPorts,
): ServedResult {
  const wanted = [...networks];
  const notes: string[] = [];
  const served: ServedNetwork[] = [];
  if (wanted.length === 0) {
    for (const candidate of interfaces.filter((one) => one.lan)) {
      const first = candidate.addresses[0];
      if (first) served.push(serve(proxyNetwork(candidate.name), { ...candidate, ...first }, ports));
    }
    if (served.length === 0) notes.push('no interface looks like a LAN; describe one in profiles/networks/<name>.yaml');
    return { served, notes };
  }
  for (const network of wanted) {
    if (network.mode === 'off') {
      notes.push(`network "${network.name}" is off`);
      continue;
    }
    const place = findPlace(network, interfaces);
    if (typeof place === 'string') notes.push(place);
    else {
      const taken = served.find((one) => one.interface === place.name);
      if (taken && network.subnet === undefined) {
        notes.push(`network "${network.name}": interface ${place.name} belongs to "${taken.network.name}" already`);
      } else served.push(serve(network, place, ports));
    }
  }
  return { served, notes };
}

/** The network an address of a machine or of ours belongs to; the address of ours wins because it names the interface. */
export function findServed(
  served: readonly ServedNetwork[],
  localAddress: string,
  clientIp?: string,
): ServedNetwork | undefined {
  const here = served.filter((one) => one.address === localAddress || one.server.address === localAddress);
  if (here.length <= 1 || clientIp === undefined) return here[0];
  return here.find((one) => one.network.subnet && cidrContains(one.network.subnet, clientIp as Ipv4)) ?? here[0];
}

/** Our own coordinates as a machine on `address` sees them. */
export function identityOf(address: string, ports: ServedPorts): ServerIdentity {
  // RFC 3986 §3.2.2; a link-local address's scope means nothing to the machine that is told.
  const host = address.includes(':') ? `[${address.replace(/%.*/, '')}]` : address;
  return {
    address,
    httpBase: ports.http === 80 ? `http://${host}` : `http://${host}:${ports.http}`,
    tftpBase: ports.tftp === 69 ? `tftp://${host}` : `tftp://${host}:${ports.tftp}`,
  };
}

function proxyNetwork(name: string): Network {
  return { name, ...networkSchema.parse({ interface: name, mode: 'proxy', unknown: 'menu' }) };
}

type Place = { name: string; address: Ipv4; prefix: number; ipv6: boolean };

function findPlace(network: Network, interfaces: readonly InterfaceFacts[]): Place | string {
  const candidates = network.interface
    ? interfaces.filter((one) => one.name === network.interface)
    : interfaces.filter((one) => one.addresses.some((own) => !network.subnet || contains(network.subnet, own.address)));
  const [first] = candidates;
  if (!first) {
    return network.interface
      ? `network "${network.name}": there is no interface ${network.interface} now`
      : `network "${network.name}": no interface has an address in its subnet`;
  }
  const own =
    first.addresses.find(({ address }) => network.subnet !== undefined && contains(network.subnet, address)) ??
    // A relayed network: its subnet is elsewhere, the interface is named.
    (network.interface ? first.addresses[0] : undefined);
  if (!own) return `network "${network.name}": interface ${first.name} has no IPv4 address`;
  return { name: first.name, ipv6: first.ipv6, ...own };
}

function contains(subnet: Cidr, address: Ipv4): boolean {
  return cidrContains(subnet, address);
}

function serve(network: Network, own: Place, ports: ServedPorts): ServedNetwork {
  const subnet = network.subnet ?? parseCidr(`${own.address}/${own.prefix}`);
  return {
    network: { ...network, ...(subnet && { subnet }) },
    interface: own.name,
    address: own.address,
    prefix: own.prefix,
    ipv6: own.ipv6,
    server: identityOf(network.serverAddress ?? own.address, ports),
  };
}

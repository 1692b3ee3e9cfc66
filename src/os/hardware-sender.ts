/**
 * Unicast to a client that has been offered an address but does not have it yet (RFC 2131 §4.1): it answers no ARP, so the
 * frame is addressed by hand (AF_PACKET, needs CAP_NET_RAW), or the neighbour table is told (SIOCSARP, needs CAP_NET_ADMIN).
 */

import { type Cidr, cidrContains, formatCidr, type Ipv4, parseCidr } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { Capabilities } from './capabilities.ts';
import { AF_INET, AF_PACKET, type Libc, LibcError, neighbourRequest, packetAddress, SIOCSARP } from './libc.ts';
import { buildUdpPacket } from './udp-frame.ts';

export interface HardwareSenderOptions {
  readonly libc: Libc;
  readonly capabilities: Capabilities;
  readonly interface: string;
  readonly interfaceIndex: number;
  /** Source of the packets. */
  readonly address: Ipv4;
  readonly prefix: number;
  readonly port: number;
}

export interface HardwareTarget {
  readonly address: Ipv4;
  readonly mac: Mac;
  readonly port: number;
}

export interface HardwareSender {
  readonly unicast: 'packet' | 'arp' | 'broadcast';
  /**
   * `packet`: sent. `arp`: the neighbour entry is set, the caller sends an ordinary unicast now. `broadcast`: neither was
   * possible, the caller broadcasts. Never throws.
   */
  reach(bytes: Uint8Array, target: HardwareTarget): 'packet' | 'arp' | 'broadcast';
  close(): void;
}

/** Opens what the process has the rights for; may end up with nothing but `broadcast`. */
export function createHardwareSender(options: HardwareSenderOptions): HardwareSender {
  const { libc, capabilities, interfaceIndex } = options;
  const packetFd = capabilities.netRaw ? tryOpen(libc, AF_PACKET) : undefined;
  const controlFd = capabilities.netAdmin ? tryOpen(libc, AF_INET) : undefined;
  const subnet = subnetOf(options.address, options.prefix);
  let identification = 0;
  let closed = false;

  const sendPacket = (bytes: Uint8Array, target: HardwareTarget): boolean => {
    if (packetFd === undefined) return false;
    identification = (identification + 1) & 0xffff;
    const ends = {
      source: options.address,
      sourcePort: options.port,
      destination: target.address,
      destinationPort: target.port,
    };
    return succeeds(() =>
      libc.sendTo(packetFd, buildUdpPacket(ends, identification, bytes), packetAddress(interfaceIndex, target.mac)),
    );
  };
  const setNeighbour = (target: HardwareTarget): boolean => {
    // An address outside the subnet would be routed, and the entry would stand for nothing.
    if (controlFd === undefined || !cidrContains(subnet, target.address)) return false;
    const request = neighbourRequest(options.interface, target.address, target.mac);
    return succeeds(() => libc.control(controlFd, SIOCSARP, request));
  };

  return {
    unicast: packetFd !== undefined ? 'packet' : controlFd !== undefined ? 'arp' : 'broadcast',
    reach(bytes, target) {
      if (closed) return 'broadcast';
      if (sendPacket(bytes, target)) return 'packet';
      return setNeighbour(target) ? 'arp' : 'broadcast';
    },
    close() {
      if (closed) return;
      closed = true;
      for (const fd of [packetFd, controlFd]) if (fd !== undefined) libc.close(fd);
    },
  };
}

/** A capability of a user namespace may not count for this network: then the kernel still says no. */
function tryOpen(libc: Libc, domain: typeof AF_INET | typeof AF_PACKET): number | undefined {
  try {
    return libc.openSocket(domain);
  } catch {
    return undefined;
  }
}

/** False for a refused call and for a datagram larger than a packet; the next way reports what is really wrong. */
function succeeds(attempt: () => void): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    if (error instanceof LibcError || error instanceof RangeError) return false;
    throw error;
  }
}

function subnetOf(address: Ipv4, prefix: number): Cidr {
  const cidr = parseCidr(formatCidr({ network: address, prefix }));
  if (!cidr) throw new RangeError(`${prefix} is not a prefix length`);
  return cidr;
}

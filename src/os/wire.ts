/**
 * One Ethernet wire, heard and asked below UDP: answers of DHCP servers to others (their broadcasts, which no socket of ours
 * would get without taking port 68 from a DHCP client of this machine), and ARP: is there anybody behind an address?
 */
import { type Ipv4, ipv4FromBytes, ipv4ToBytes } from '../net/ipv4.ts';
import { type Mac, macFromBytes, macToBytes } from '../net/mac.ts';
import type { Capabilities } from './capabilities.ts';
import { listInterfaces } from './interfaces.ts';
import { ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, type FilterStep, type PacketCalls } from './libc-packets.ts';
import { buildNoRouterAdvertisement } from './router-advertisement.ts';

/** A UDP datagram to port 68 that came in on the wire. */
export interface HeardReply {
  readonly bytes: Uint8Array;
  readonly from: Ipv4;
}

/** Somebody says that an address is its own. */
export interface HeardOwner {
  readonly address: Ipv4;
  readonly mac: Mac;
}

export interface Wire {
  /** Our own hardware address there. */
  readonly mac: Mac;
  /** What came since the last call, at most 64; the rest waits. */
  replies(): readonly HeardReply[];
  /** Asks who has an address, without naming ourselves (RFC 5227 §2.1.1): no cache changes for it. */
  askOwner(address: Ipv4): void;
  /** Owners that spoke since the last call: answers, and whoever asked for something itself. */
  owners(): readonly HeardOwner[];
  /** Tells one machine that there is no IPv6 router here, see router-advertisement.ts. Throws `LibcError`. */
  denyRouter(to: Mac): void;
  close(): void;
}

/** Undefined when the interface is no Ethernet, or the process lacks the right to hear it. */
export type OpenWire = (interfaceName: string) => Wire | undefined;

export function createWireOpener(calls: PacketCalls | undefined, capabilities: Capabilities): OpenWire {
  return (name) => {
    const found = listInterfaces().find((one) => one.name === name);
    if (!calls || !capabilities.netRaw || !found?.mac) return undefined;
    try {
      return openWire(calls, found.index, found.mac);
    } catch {
      // A sandbox that shows the capability and does not honour it.
      return undefined;
    }
  };
}

const MOST_A_CALL = 64;
const LARGEST = 2048;
const BROADCAST = 'ff:ff:ff:ff:ff:ff' as Mac;

// Operations of the filter language that are used: load byte, half word, header length; jumps; return.
const LOAD_BYTE = 0x30;
const LOAD_HALF = 0x28;
const LOAD_HALF_INDEXED = 0x48;
const LOAD_HEADER_LENGTH = 0xb1;
const IF_EQUAL = 0x15;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;

/** Whole IPv4 UDP datagrams to port 68. */
const DHCP_REPLIES: readonly FilterStep[] = [
  [LOAD_BYTE, 0, 0, 9],
  [IF_EQUAL, 0, 6, 17],
  [LOAD_HALF, 0, 0, 6],
  [IF_ANY_BIT, 4, 0, 0x3fff],
  [LOAD_HEADER_LENGTH, 0, 0, 0],
  [LOAD_HALF_INDEXED, 0, 0, 2],
  [IF_EQUAL, 0, 1, 68],
  [RETURN, 0, 0, LARGEST],
  [RETURN, 0, 0, 0],
];
const EVERYTHING: readonly FilterStep[] = [[RETURN, 0, 0, 64]];

function openWire(calls: PacketCalls, interfaceIndex: number, mac: Mac): Wire {
  const buffer = new Uint8Array(LARGEST);
  const udp = calls.open(interfaceIndex, ETH_P_IP, DHCP_REPLIES);
  let arp: number | undefined;
  let closed = false;

  function drain(fd: number): Uint8Array[] {
    const packets: Uint8Array[] = [];
    while (!closed && packets.length < MOST_A_CALL) {
      const length = calls.receive(fd, buffer);
      if (length === undefined) break;
      packets.push(buffer.slice(0, length));
    }
    return packets;
  }
  /** Opened by the first question: ARP of a whole LAN need not wait in a socket nobody asks. */
  const arpSocket = () => (arp ??= calls.open(interfaceIndex, ETH_P_ARP, EVERYTHING));

  return {
    mac,
    replies: () => drain(udp).flatMap(readUdp),
    askOwner(address) {
      if (closed) return;
      const to = { interfaceIndex, etherType: ETH_P_ARP, mac: BROADCAST };
      calls.send(arpSocket(), arpQuestion(mac, address), to);
    },
    owners: () => (arp === undefined ? [] : drain(arp).flatMap(readArp)),
    denyRouter(to) {
      if (closed) return;
      // Any packet socket sends what its address says.
      calls.send(udp, buildNoRouterAdvertisement(mac, to), { interfaceIndex, etherType: ETH_P_IPV6, mac: to });
    },
    close() {
      if (closed) return;
      closed = true;
      calls.close(udp);
      if (arp !== undefined) calls.close(arp);
    },
  };
}

/** An IPv4 packet → its UDP payload. */
export function readUdp(packet: Uint8Array): HeardReply[] {
  const header = ((packet[0] ?? 0) & 0x0f) * 4;
  if (packet.length < header + 8 || header < 20) return [];
  const length = ((packet[header + 4] ?? 0) << 8) | (packet[header + 5] ?? 0);
  // Ethernet pads short frames: the datagram says where it ends.
  return [{ bytes: packet.subarray(header + 8, header + Math.max(length, 8)), from: ipv4FromBytes(packet, 12) }];
}

const ARP_BYTES = 28;
/** Ethernet, IPv4, address lengths 6 and 4. */
const ARP_KIND = [0, 1, 8, 0, 6, 4];

export function arpQuestion(mac: Mac, address: Ipv4): Uint8Array {
  const bytes = new Uint8Array(ARP_BYTES);
  bytes.set([...ARP_KIND, 0, 1]);
  bytes.set(macToBytes(mac), 8);
  bytes.set(ipv4ToBytes(address), 24);
  return bytes;
}

/** The sender of any ARP packet, question or answer, says that its address is its own. */
export function readArp(packet: Uint8Array): HeardOwner[] {
  if (packet.length < ARP_BYTES || ARP_KIND.some((byte, index) => packet[index] !== byte)) return [];
  const mac = macFromBytes(packet.subarray(8, 14));
  const address = ipv4FromBytes(packet, 14);
  return mac && address !== '0.0.0.0' ? [{ address, mac }] : [];
}

/** A packet in words: one line for logs, many for `hobnail decode`. */
import { formatArchitecture } from '../boot/client.ts';
import { ANY_ADDRESS } from '../net/ipv4.ts';
import { macFromBytes } from '../net/mac.ts';
import { formatOption, formatSubOptions, messageTypeOf, optionType, readOption } from './options.ts';
import { BOOTREPLY, BROADCAST_FLAG, type DecodedPacket, type Packet } from './packet.ts';
import { ip, text } from './shape.ts';
import { architectures, userClasses } from './shape-client.ts';
import { hexFromBytes, quote } from './text.ts';

const ETHERNET = 1;

/**
 * `DISCOVER 52:54:00:00:77:01 xid 1234abcd PXEClient arch 7 (0x07) x64 UEFI`, with the addresses, the server and the
 * file when there are any. Text from the wire is quoted and escaped.
 */
export function summarizePacket(packet: Packet): string {
  const words = [kindOf(packet), hardwareAddress(packet), `xid ${hex32(packet.xid)}`];
  const vendorClass = readOption(packet, 60, text);
  if (vendorClass) words.push(shortVendorClass(vendorClass));
  const archs = readOption(packet, 93, architectures);
  if (archs) words.push(`arch ${archs.map(formatArchitecture).join(', ')}`);
  const classes = readOption(packet, 77, userClasses);
  if (classes) words.push(`user class ${userClasses.format(classes)}`);
  const named = (label: string, value: string | undefined) => {
    if (value && value !== ANY_ADDRESS) words.push(`${label} ${value}`);
  };
  named('ciaddr', packet.ciaddr);
  named('yiaddr', packet.yiaddr);
  named('asks for', readOption(packet, 50, ip));
  named('server', readOption(packet, 54, ip));
  named('next server', packet.siaddr);
  named('file', quoted(packet.file) ?? quoted(readOption(packet, 67, text)));
  named('message', quoted(readOption(packet, 56, text)));
  named('relay', packet.giaddr);
  return words.join(' ');
}

/** The whole packet: the summary line, header fields, options in wire order, then what was tolerated. Ends without a newline. */
export function describePacket(packet: DecodedPacket): string {
  const lines = [summarizePacket(packet), ...headerLines(packet)];
  const vendorClass = readOption(packet, 60, text);
  if (packet.options.size > 0) lines.push('  options');
  for (const [code, value] of packet.options) {
    const subs = formatSubOptions(code, value, vendorClass);
    const head = `    ${String(code).padStart(3)} ${optionType(code).name}:`;
    if (subs && subs.length > 0) lines.push(head, ...subs.map((sub) => `          ${sub}`));
    else lines.push(`${head} ${formatOption(code, value, { vendorClass })}`);
  }
  return [...lines, ...packet.notes.map((note) => `  note: ${note}`)].join('\n');
}

function headerLines(packet: DecodedPacket): string[] {
  const { hlen, chaddr } = packet;
  const padding = chaddr.subarray(hlen).some((byte) => byte !== 0)
    ? ` then ${hexFromBytes(chaddr.subarray(hlen), ' ')}`
    : '';
  const broadcast = packet.flags & BROADCAST_FLAG ? ' (broadcast)' : '';
  const fields: [string, string][] = [
    ['op', `${packet.op} (${packet.op === BOOTREPLY ? 'BOOTREPLY' : 'BOOTREQUEST'})`],
    ['htype', `${packet.htype}${packet.htype === ETHERNET ? ' (Ethernet)' : ''}`],
    ['hlen', String(hlen)],
    ['hops', String(packet.hops)],
    ['xid', `0x${hex32(packet.xid)}`],
    ['secs', String(packet.secs)],
    ['flags', `0x${packet.flags.toString(16).padStart(4, '0')}${broadcast}`],
    ['ciaddr', packet.ciaddr],
    ['yiaddr', packet.yiaddr],
    ['siaddr', packet.siaddr],
    ['giaddr', packet.giaddr],
    ['chaddr', hardwareAddress(packet) + padding],
    ['sname', packet.overload & 2 ? '(holds options)' : (quoted(packet.sname) ?? '-')],
    ['file', packet.overload & 1 ? '(holds options)' : (quoted(packet.file) ?? '-')],
  ];
  return fields.map(([name, value]) => `  ${name.padEnd(6)} ${value}`);
}

function kindOf(packet: Packet): string {
  if (!packet.options.has(53)) return packet.op === BOOTREPLY ? 'BOOTP reply' : 'BOOTP request';
  return messageTypeOf(packet) ?? `message type ${formatOption(53, packet.options.get(53) ?? new Uint8Array())}`;
}

function hardwareAddress({ htype, hlen, chaddr }: Packet): string {
  if (htype === ETHERNET && hlen === 6) return macFromBytes(chaddr) ?? '-';
  if (hlen === 0) return '(no hardware address)';
  return `htype ${htype} ${hexFromBytes(chaddr.subarray(0, hlen), ':')}`;
}

// PXEClient:Arch:00007:UNDI:003016 says nothing that options 93 and 94 do not say better.
function shortVendorClass(vendorClass: string): string {
  return /^((?:PXE|HTTP)Client)(?::|$)/.exec(vendorClass)?.[1] ?? quote(vendorClass);
}

function quoted(value: string | undefined): string | undefined {
  return value ? quote(value) : undefined;
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}

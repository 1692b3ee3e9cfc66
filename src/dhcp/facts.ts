/** Packet → boot client: what a machine says of itself, read as leniently as firmware writes it. */
import { type BootClient, type ClientKind, chooseArchitecture, type IpxeFacts, RPIBOOT } from '../boot/client.ts';
import { ANY_ADDRESS } from '../net/ipv4.ts';
import { type Mac, macFromBytes } from '../net/mac.ts';
import { isOfVendor } from '../net/vendors.ts';
import { IPXE_VERSION, ipxeOptions, ipxeVersion } from './ipxe-options.ts';
import type { Holder } from './lease.ts';
import { readOption } from './options.ts';
import type { Packet } from './packet.ts';
import { relayFacts } from './relay-facts.ts';
import { ip, text, u8s } from './shape.ts';
import { architectures, clientId, undi, userClasses, uuid } from './shape-client.ts';
import { readSubOption } from './sub-options.ts';
import { hexFromBytes } from './text.ts';

export type ClientReading =
  | { readonly kind: 'client'; readonly client: BootClient }
  | { readonly kind: 'none'; readonly reason: string };

/** iPXE's feature sub-options of option 175. */
const IPXE_HTTP = 19;
const IPXE_HTTPS = 20;
const IPXE_EFI = 36;

/** A machine is known by its MAC; without six bytes of hardware address there is nobody to answer. */
export function readClient(packet: Packet): ClientReading {
  // Longer addresses (EUI-64) of different machines may begin alike; some clients only count the padding as well.
  const isMac = packet.hlen === 6 || (packet.hlen > 6 && isZero(packet.chaddr.subarray(6, packet.hlen)));
  const mac = isMac ? macFromBytes(packet.chaddr) : undefined;
  if (!mac) return { kind: 'none', reason: `its hardware address has ${packet.hlen} bytes, not six` };
  if (mac === '00:00:00:00:00:00' || mac === 'ff:ff:ff:ff:ff:ff')
    return { kind: 'none', reason: `${mac} is nobody's hardware address` };

  const vendorClass = readOption(packet, 60, text);
  const isForgetful = vendorClass === undefined && isRaspberryPiRom(packet, mac);
  const classes = readUserClasses(packet);
  const ipxe = readIpxe(packet);
  const said = readArchitectures(packet, vendorClass);
  const archCodes = isForgetful && said.length === 0 ? [RPIBOOT] : said;
  const arch = chooseArchitecture(archCodes, mac);
  const uuidText = usableUuid(readOption(packet, 97, uuid));
  const id = readOption(packet, 61, clientId);
  const nic = readOption(packet, 94, undi);
  const hostname = hostnameFrom(readOption(packet, 12, text));
  const address = packet.ciaddr === ANY_ADDRESS ? readOption(packet, 50, ip) : packet.ciaddr;
  const relay = relayFacts(packet);
  const client: BootClient = {
    mac,
    kind: isForgetful ? 'pxe' : kindOf(vendorClass, classes, ipxe),
    archCodes: readOption(packet, 93, architectures) ?? [],
    userClasses: classes,
    ...(arch && { arch }),
    ...(uuidText !== undefined && { uuid: uuidText }),
    ...(id && { clientId: hexFromBytes(id) }),
    ...(vendorClass !== undefined && { vendorClass }),
    ...(nic && { undi: `${nic.major}.${nic.minor}` }),
    ...(hostname !== undefined && { hostname }),
    ...(ipxe && { ipxe }),
    ...(address && { address }),
    ...(relay.giaddr && { relay: relay.giaddr }),
    ...(relay.circuitId !== undefined && { circuitId: relay.circuitId }),
  };
  return { kind: 'client', client };
}

/** Who asks, as far as leases go; undefined without six bytes of hardware address. */
export function readHolder(packet: Packet): Holder | undefined {
  const mac = packet.hlen >= 6 ? macFromBytes(packet.chaddr) : undefined;
  const id = readOption(packet, 61, clientId);
  return mac && { mac, ...(id && { clientId: hexFromBytes(id) }) };
}

/** The first label of a name, letters, digits and hyphens only, at most 63 (RFC 1123 §2.1). Never used for paths. */
export function hostnameFrom(said: string | undefined): string | undefined {
  // Cut first: on a long row of hyphens the last step would take seconds.
  const label = said
    ?.split('.', 1)[0]
    ?.replace(/[^A-Za-z0-9-]/g, '')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');
  return label || undefined;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Boards whose maker wrote none say all zeros or all ones: that names nobody. */
function usableUuid(said: string | undefined): string | undefined {
  return said !== undefined && /^[0-]+$|^[f-]+$/.test(said) ? undefined : said;
}

// iPXE says PXEClient or HTTPClient as the firmware under it did, so it is asked for first.
function kindOf(vendorClass: string | undefined, classes: readonly string[], ipxe: IpxeFacts | undefined): ClientKind {
  if (ipxe || classes.includes('iPXE')) return 'ipxe';
  // The prefix only: undionly.kpxe behind a proxy says the bare word.
  if (vendorClass?.startsWith('PXEClient')) return 'pxe';
  return vendorClass?.startsWith('HTTPClient') ? 'http' : 'other';
}

/**
 * The REQUEST of a Raspberry Pi's ROM does not repeat its class. The system on the same board has the same address, but
 * tells neither architecture nor UUID, and does not ask for option 43.
 */
function isRaspberryPiRom(packet: Packet, mac: Mac): boolean {
  if (!isOfVendor(mac, 'raspberry-pi') || packet.options.has(77) || packet.options.has(175)) return false;
  const asked = readOption(packet, 55, u8s) ?? [];
  return packet.options.has(93) || packet.options.has(97) || (asked.includes(43) && asked.includes(66));
}

function readUserClasses(packet: Packet): readonly string[] {
  const classes = readOption(packet, 77, userClasses) ?? [];
  return typeof classes === 'string' ? [classes] : classes;
}

function readArchitectures(packet: Packet, vendorClass: string | undefined): readonly number[] {
  const codes = readOption(packet, 93, architectures);
  if (codes) return codes;
  const [, digits] = /^(?:PXE|HTTP)Client:Arch:(\d{5})/.exec(vendorClass ?? '') ?? [];
  return digits === undefined ? [] : [Number(digits)];
}

function readIpxe(packet: Packet): IpxeFacts | undefined {
  const subs = readOption(packet, 175, ipxeOptions);
  if (!subs) return undefined;
  const version = readSubOption(subs, IPXE_VERSION, ipxeVersion);
  const has = (code: number) => subs.some((sub) => sub.code === code && sub.bytes[0] !== 0);
  return {
    http: has(IPXE_HTTP),
    https: has(IPXE_HTTPS),
    efi: has(IPXE_EFI),
    ...(version !== undefined && { version }),
  };
}

/** First requests (and a few answers) of real boot clients, from captures: what each sends in which option. */
import { ascii, bytesOfHex, codes, type HexOption, type HexPacket, hexPacket } from './dhcp-hex.ts';

interface ClientPacket {
  /** Opens the fixture. */
  readonly about: string;
  readonly packet: HexPacket;
  /** UDP payload seen in the capture. */
  readonly size?: number;
}

const IPXE_LIST = '1,3,6,7,12,15,17,26,43,60,66,67,119,128-135,175,203';
const EDK2_LIST = '1,2,3,4,5,6,12,13,15,17,18,22,23,28,40,41,42,43,50,51,54,58,59,60';
const UUID = '00 77777777 0000 0040 8000 000000007701';
const BROADCAST = '8000';

const type = (value: number, name: string): HexOption => [53, `0${value}`, name];
const DISCOVER = type(1, 'DISCOVER');
const REQUEST = type(3, 'REQUEST');
const maxSize = (hex: string): HexOption => [57, hex, 'maximum size'];
const vendorClass = (text: string): HexOption => [60, ascii(text), text];
const arch = (code: number): HexOption => [93, code.toString(16).padStart(4, '0'), `arch ${code}`];
const undi = (hex: string): HexOption => [94, hex, 'UNDI'];
const uuid: HexOption = [97, UUID, 'UUID'];
const clientId: HexOption = [61, '01 525400007701', 'client id'];
const list = (numbers: string): HexOption => [55, codes(numbers), 'parameter request list'];
const ipxe: HexOption = [77, ascii('iPXE'), 'user class without a length byte'];

const features = (numbers: string, special: Record<string, string> = {}) =>
  numbers
    .split(',')
    .map((code) => `${codes(code)}01${special[code] ?? '01'}`)
    .join('');
const IPXE_BIOS: HexOption = [
  175,
  `b105011af41000 eb03010000 ${features('23,34,19,17,39,25,41,16,33,21,24,18', { 16: '02' })}`,
  'iPXE: bus id, version, features',
];
const IPXE_EFI: HexOption = [
  175,
  `b105011af41000 eb03010000 ${features('23,36,19,17,39,41,21,18')}`,
  'iPXE: bus id, version, features',
];

const rom = (version: string, code: number): HexOption[] => [
  DISCOVER,
  maxSize('05c0'),
  arch(code),
  undi(version),
  vendorClass(`PXEClient:Arch:${String(code).padStart(5, '0')}:UNDI:00${version === '01030a' ? '3010' : '2001'}`),
];
const edk2Pxe = (code: number): ClientPacket => ({
  about: `EDK2 PXE, architecture ${code}`,
  size: 347,
  packet: {
    flags: BROADCAST,
    options: [
      DISCOVER,
      maxSize('05c0'),
      list(`${EDK2_LIST},66,67,97,128-135`),
      uuid,
      undi('010300'),
      arch(code),
      vendorClass(`PXEClient:Arch:${String(code).padStart(5, '0')}:UNDI:003000`),
    ],
  },
});
const edk2Http = (code: number, uninitialised: number): ClientPacket => ({
  about: `EDK2 HTTP Boot, architecture ${code}: one byte of option 55 is not initialised`,
  size: 340,
  packet: {
    flags: BROADCAST,
    options: [
      DISCOVER,
      maxSize('05c0'),
      list(`${EDK2_LIST},${uninitialised},67,97`),
      uuid,
      undi('010300'),
      arch(code),
      vendorClass(`HTTPClient:Arch:${String(code).padStart(5, '0')}:UNDI:003000`),
    ],
  },
});

export const CLIENT_PACKETS = {
  'ipxe-rom-bios': {
    about: 'iPXE ROM of QEMU on BIOS; secs is no clock',
    size: 400,
    packet: { secs: '0004', options: [...rom('010201', 0), ipxe, list(IPXE_LIST), IPXE_BIOS, clientId, uuid] },
  },
  undionly: {
    about: 'undionly.kpxe: broadcast flag set',
    size: 400,
    packet: {
      secs: '0008',
      flags: BROADCAST,
      options: [...rom('010201', 0), ipxe, list(IPXE_LIST), IPXE_BIOS, clientId, uuid],
    },
  },
  'undionly-after-proxy': {
    about: 'undionly.kpxe after a proxyDHCP boot: the vendor class is bare',
    size: 377,
    packet: {
      flags: BROADCAST,
      options: [
        ...rom('010201', 0).slice(0, 4),
        vendorClass('PXEClient'),
        ipxe,
        list(IPXE_LIST),
        IPXE_BIOS,
        clientId,
        uuid,
      ],
    },
  },
  'pxe-rom-bios': {
    about: 'Plain PXE ROM on BIOS',
    size: 344,
    packet: { secs: '0004', options: [...rom('010201', 0), list(IPXE_LIST), clientId, uuid] },
  },
  'ipxe-efi': {
    about: 'snponly.efi, ipxe.efi and the iPXE ROM on UEFI',
    size: 388,
    packet: { secs: '000a', options: [...rom('01030a', 7), ipxe, list(IPXE_LIST), IPXE_EFI, clientId, uuid] },
  },
  'edk2-pxe-x64': edk2Pxe(7),
  'edk2-pxe-ia32': edk2Pxe(6),
  'edk2-pxe-arm64': edk2Pxe(11),
  'edk2-http-x64': edk2Http(16, 235),
  'edk2-http-ia32': edk2Http(15, 235),
  'edk2-http-arm64': edk2Http(19, 0),
  'edk2-pxe-x64-request': {
    about: 'EDK2 PXE, REQUEST: now it claims to take 65280 bytes',
    packet: {
      flags: BROADCAST,
      secs: '0004',
      options: [
        REQUEST,
        [54, '0a4d0001', 'server'],
        [50, '0a4d0082', 'asks for 10.77.0.130'],
        maxSize('ff00'),
        list(`${EDK2_LIST},66,67,97,128-135`),
        uuid,
        undi('010300'),
        arch(7),
        vendorClass('PXEClient:Arch:00007:UNDI:003000'),
      ],
    },
  },
  'edk2-pxe-x64-4011': {
    about: 'EDK2 PXE to port 4011: ciaddr set, no option 54',
    packet: {
      ciaddr: '0a4d0082',
      options: [
        REQUEST,
        maxSize('ff00'),
        list(`${EDK2_LIST},66,67,97,128-135`),
        uuid,
        undi('010300'),
        arch(7),
        vendorClass('PXEClient:Arch:00007:UNDI:003000'),
      ],
    },
  },
  'boot-server-discovery': {
    about: 'PXE ROM after a menu, port 68 to port 4011: bare vendor class, boot item 0x8000',
    packet: {
      flags: BROADCAST,
      ciaddr: '0a4d0082',
      options: [
        REQUEST,
        maxSize('05c0'),
        arch(0),
        undi('010201'),
        vendorClass('PXEClient'),
        [43, '4704 8000 0000 ff', 'boot item'],
        list(IPXE_LIST),
        clientId,
        uuid,
      ],
    },
  },
  udhcpc: {
    about: 'udhcpc in the booted Linux',
    size: 300,
    packet: {
      size: 300,
      options: [
        DISCOVER,
        clientId,
        maxSize('0240'),
        list('1,3,6,12,15,28,42'),
        [60, ascii('udhcp 1.35.0'), 'udhcp 1.35.0'],
      ],
    },
  },
  'dhclient-renew': {
    about: 'A Linux renewing: ciaddr, no 50, no 54; FQDN in wire form and a DUID',
    packet: {
      size: 300,
      ciaddr: '0a4d0082',
      options: [
        REQUEST,
        [12, ascii('node-1'), 'host name'],
        [61, 'ff 56504d98 0002 0000 ab11 0102030405060708', 'IAID and DUID'],
        [81, '04 00 00 066e6f64652d31 036c6162 00', 'FQDN'],
        list('1,28,2,121,15,6,12,40,41,42,26,119,3'),
      ],
    },
  },
  decline: {
    about: 'DECLINE: the address is in use by another',
    packet: {
      size: 300,
      options: [
        type(4, 'DECLINE'),
        [50, '0a4d0082', 'address'],
        [54, '0a4d0001', 'server'],
        [56, ascii('in use'), 'message'],
      ],
    },
  },
  release: {
    about: 'RELEASE',
    packet: { size: 300, ciaddr: '0a4d0082', options: [type(7, 'RELEASE'), [54, '0a4d0001', 'server'], clientId] },
  },
  inform: {
    about: 'INFORM of a Windows machine: asks for 249 and 252',
    packet: {
      ciaddr: '0a4d0090',
      options: [
        type(8, 'INFORM'),
        clientId,
        [12, ascii('DESKTOP-7'), 'host name'],
        [60, ascii('MSFT 5.0'), 'MSFT 5.0'],
        list('1,3,6,15,31,33,43,44,46,47,119,121,249,252'),
      ],
    },
  },
  'relayed-discover': {
    about: 'DISCOVER through a relay: giaddr, option 82 last with text and binary ids, link selection, source port',
    packet: {
      hops: '01',
      giaddr: '0a4e0001',
      options: [
        ...(edk2Pxe(7).packet.options ?? []),
        [82, `0106 000400640102 0208 ${ascii('switch-7')} 0504 0a4f0000 0b04 0a4e0001 1300`, 'relay agent information'],
      ],
    },
  },
  'offer-proxy-menu': {
    about: 'proxyDHCP OFFER with a boot menu, as old boot servers send it',
    packet: {
      op: '02',
      siaddr: '0a4d0002',
      file: ascii('pxelinux.0'),
      options: [
        type(2, 'OFFER'),
        [54, '0a4d0002', 'server'],
        vendorClass('PXEClient'),
        [
          43,
          `060103 0807 8000 01 0a4d0002 0918 0000 0a ${ascii('Local disk')} 8000 08 ${ascii('PXELinux')} 0a07 0a ${ascii('Choose')} ff`,
          'discovery control, boot servers, menu, prompt',
        ],
        uuid,
      ],
    },
  },
  'offer-raspberry-pi': {
    about: 'proxyDHCP OFFER for a Raspberry Pi',
    packet: {
      op: '02',
      siaddr: '0a4d0002',
      size: 300,
      options: [
        type(2, 'OFFER'),
        [54, '0a4d0002', 'server'],
        vendorClass('PXEClient'),
        [43, `060103 0a04 00${ascii('PXE')} 0914 0000 11 ${ascii('Raspberry Pi Boot')} ff`, 'Raspberry Pi Boot'],
      ],
    },
  },
  'ack-rich': {
    about: 'ACK with routes, search list, SIP servers, PXELINUX and iPXE options',
    packet: {
      op: '02',
      yiaddr: '0a4d0082',
      siaddr: '0a4d0001',
      file: ascii('lpxelinux.0'),
      options: [
        type(5, 'ACK'),
        [54, '0a4d0001', 'server'],
        [51, 'ffffffff', 'lease time'],
        [1, 'ffffff00', 'netmask'],
        [2, 'ffffc7c0', 'time offset'],
        [3, '0a4d00fe', 'router'],
        [6, '0a4d0001 0a4d0002', 'DNS'],
        [58, '00000708', 'T1'],
        [66, ascii('10.77.0.1'), 'TFTP server name'],
        [67, `${ascii('lpxelinux.0')}00`, 'boot file, NUL-ended'],
        [119, '036c6162 076578616d706c65 036f7267 00 c004', 'lab.example.org, example.org'],
        [120, '00 03736970 036c6162 00', 'SIP server'],
        [121, '18 0a4e00 0a4d00fd 00 0a4d00fe', 'routes'],
        [150, '0a4d0001 0a4d0002', 'TFTP server addresses'],
        [175, 'b00101', 'no proxyDHCP'],
        [208, 'f100747e', 'PXELINUX magic'],
        [209, ascii('menu.cfg'), 'PXELINUX config file'],
        [210, ascii('http://10.77.0.1/'), 'PXELINUX path prefix'],
        [252, ascii('\\Boot\\BCD'), 'BCD'],
      ],
    },
  },
  nak: {
    about: 'NAK',
    packet: {
      op: '02',
      flags: BROADCAST,
      size: 300,
      options: [type(6, 'NAK'), [54, '0a4d0001', 'server'], [56, ascii('wrong network'), 'message'], clientId],
    },
  },
  'cisco-phone': {
    about: 'Cisco phone: asks for 66 and 150, vendor data of enterprise 9',
    packet: {
      options: [
        DISCOVER,
        [12, ascii('SEP525400007701'), 'host name'],
        vendorClass('Cisco Systems, Inc. IP Phone CP-8841'),
        list('1,66,6,3,15,150,35,151'),
        [125, '00000009 04 01020a0b', 'enterprise 9'],
      ],
    },
  },
  bootp: { about: 'BOOTP with a cookie but without option 53 (U-Boot)', packet: { size: 300 } },
} as const satisfies Record<string, ClientPacket>;

export type ClientPacketName = keyof typeof CLIENT_PACKETS;

export const CLIENT_PACKET_NAMES = Object.keys(CLIENT_PACKETS) as readonly ClientPacketName[];

/** The packet as annotated hex, opened by a line that says who sends it. */
export function clientHex(name: ClientPacketName): string {
  const { about, packet } = CLIENT_PACKETS[name];
  return `# ${about}\n${hexPacket(packet)}`;
}

/** The packet as bytes, for tests of other files. */
export function clientBytes(name: ClientPacketName): Uint8Array {
  return bytesOfHex(clientHex(name));
}

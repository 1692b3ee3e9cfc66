/** Broken packets of every kind: each is either refused with a code or read with a note. */
import { ascii, bytesOfHex, type HexPacket, hexPacket } from './dhcp-hex.ts';

const DISCOVER = [53, '01', 'DISCOVER'] as const;
const VENDOR = [60, ascii('ABC'), 'vendor class'] as const;
const inFile = (hex: string) => hex.replaceAll(' ', '');

interface MalformedPacket {
  readonly about: string;
  readonly packet: HexPacket;
  /** Cuts the packet to this many bytes. */
  readonly cut?: number;
}

export const MALFORMED_PACKETS: Readonly<Record<string, MalformedPacket>> = {
  empty: { about: 'No byte at all', packet: {}, cut: 0 },
  'cut-in-header': { about: 'Cut inside chaddr', packet: {}, cut: 40 },
  'cut-before-cookie': { about: '238 bytes: the cookie is cut', packet: {}, cut: 238 },
  'bad-op': { about: 'op 3', packet: { op: '03', options: [DISCOVER] } },
  'reply-as-request': {
    about: 'op 2 with the message of a client',
    packet: { op: '02', options: [DISCOVER] },
  },
  'hlen-zero': { about: 'Ethernet with hlen 0', packet: { hlen: '00', options: [DISCOVER] } },
  'hlen-255': { about: 'hlen 255', packet: { hlen: 'ff', options: [DISCOVER] } },
  'bad-hlen': { about: 'hlen 17', packet: { hlen: '11', options: [DISCOVER] } },
  'bad-hops': { about: 'hops 17', packet: { hops: '11', options: [DISCOVER] } },
  'bad-cookie': { about: 'Another cookie', packet: { cookie: '63825364', options: [DISCOVER] } },
  'no-cookie': { about: 'BOOTP of 1985: no cookie', packet: { cookie: '', tail: '', size: 300 } },
  'no-options': { about: 'Ends behind the cookie', packet: { tail: '' } },
  'no-end': { about: 'No END option', packet: { options: [DISCOVER], tail: '' } },
  'code-is-last-byte': { about: 'The code is the last byte', packet: { options: [DISCOVER], tail: '0c' } },
  'length-past-end': {
    about: 'Option 55 says 200 bytes, one is there',
    packet: { options: [DISCOVER], tail: '37c801' },
  },
  'text-past-end': { about: 'A text cut by the end', packet: { options: [DISCOVER], tail: `0c10${ascii('node')}` } },
  'leading-pad': { about: 'A pad before the first option', packet: { tail: '00 350101 ff' } },
  'pads-between': { about: 'Pads between options', packet: { tail: '350101 0000 3c03414243 00 ff' } },
  'data-behind-end': { about: 'Junk behind END is not read', packet: { options: [DISCOVER], tail: 'ff 3c03414243' } },
  'long-message-type': { about: 'Option 53 of two bytes', packet: { options: [[53, '0101'], VENDOR] } },
  'repeated-message-type': { about: 'Option 53 twice', packet: { options: [[53, '01'], [53, '03'], VENDOR] } },
  'unknown-message-type': { about: 'Option 53 is 99', packet: { options: [[53, '63'], VENDOR] } },
  'empty-requested-address': { about: 'Option 50 without bytes', packet: { options: [DISCOVER, [50, ''], VENDOR] } },
  'bool-of-one-byte': {
    about: 'Options 20, 34, 36, 39 have one byte (RFC 2132)',
    packet: { options: [DISCOVER, [20, '01'], [34, '00'], [36, '01'], [39, '02'], VENDOR] },
  },
  'odd-address-list': { about: 'Option 6 of five bytes', packet: { options: [DISCOVER, [6, '0a00000109'], VENDOR] } },
  'odd-arch-list': { about: 'Option 93 of three bytes', packet: { options: [DISCOVER, [93, '000700']] } },
  'short-uuid': { about: 'Option 97 of 16 bytes', packet: { options: [DISCOVER, [97, '00'.repeat(16)]] } },
  'empty-uuid': { about: 'Option 97 without bytes', packet: { options: [DISCOVER, [97, '']] } },
  'route-of-33-bits': {
    about: 'Option 121 with prefix 33',
    packet: { options: [DISCOVER, [121, '21 0a00000001 0a000001']] },
  },
  'cut-route': { about: 'Option 121 cut in the router', packet: { options: [DISCOVER, [121, '08 0a 0a0000']] } },
  'pointer-loop': {
    about: 'Option 119 with a name that points at itself',
    packet: { options: [DISCOVER, [119, '03616263 c000 c006']] },
  },
  'pointer-forward': { about: 'Option 119 points past its end', packet: { options: [DISCOVER, [119, 'c0ff']] } },
  'cut-sub-option': {
    about: 'Option 82: a sub-option past the end',
    packet: { options: [DISCOVER, [82, '0120 0102']] },
  },
  'cut-ipxe': { about: 'Option 175: a sub-option past the end', packet: { options: [DISCOVER, [175, 'b1 05 01']] } },
  'cut-menu': {
    about: 'Option 43: a menu line longer than the menu',
    packet: { options: [DISCOVER, [43, '0904 0000 50 41 ff']] },
  },
  'foreign-vendor': {
    about: 'Option 43 of another vendor: no PXE names',
    packet: { options: [DISCOVER, [60, ascii('ubnt'), 'ubnt'], [43, '01040a4d0005']] },
  },
  'split-option': {
    about: 'RFC 3396: the parts of option 60 stand apart',
    packet: { options: [DISCOVER, VENDOR, [12, ascii('node')], [60, ascii('DEF')]] },
  },
  'overload-both': {
    about: 'RFC 3396: options, then file, then sname',
    packet: {
      options: [DISCOVER, [52, '03', 'overload both'], [60, ascii('AB')]],
      file: inFile(`3c02${ascii('CD')} 0c04${ascii('node')} ff`),
      sname: inFile(`3c02${ascii('EF')} ff`),
    },
  },
  'overload-file-cut': {
    about: 'An option that runs over the end of file',
    packet: { options: [DISCOVER, [52, '01', 'overload file']], file: inFile(`0c04${ascii('node')} 0f ff`) },
  },
  'overload-nonsense': { about: 'Option 52 is 4', packet: { options: [DISCOVER, [52, '04']], file: ascii('boot.0') } },
  'overload-in-file': {
    about: 'Option 52 inside file opens nothing',
    packet: { options: [DISCOVER, [52, '01']], file: inFile('340102 ff'), sname: ascii('server') },
  },
  'overload-loop': {
    about: 'Option 52 in file points to sname, and there back to file: each is read once',
    packet: {
      options: [DISCOVER, [52, '03', 'overload both']],
      file: inFile(`340102 0c01${ascii('a')} ff`),
      sname: inFile(`340101 0c01${ascii('b')} ff`),
    },
  },
  infiniband: {
    about: 'RFC 4390: hlen 0, htype 32, identified by option 61',
    packet: {
      htype: '20',
      hlen: '00',
      chaddr: '',
      flags: '8000',
      options: [DISCOVER, [61, `ff 01020304 0003 0020 ${'ab'.repeat(20)}`]],
    },
  },
  'token-ring': {
    about: 'htype 6, hlen 16',
    packet: { htype: '06', hlen: '10', chaddr: '0102030405060708090a0b0c0d0e0f10', options: [DISCOVER] },
  },
  'hostile-text': {
    about: 'Control characters, a bidirectional override and bytes that are not UTF-8',
    packet: { options: [DISCOVER, [12, '6f6b0a1b5b33316d e280ae'], [15, 'ff fe 41'], [56, '']], file: '2e2e2f0a' },
  },
  'utf8-host-name': { about: 'A host name in UTF-8', packet: { options: [DISCOVER, [12, '63c3a966c3a9']] } },
  'binary-client-ids': {
    about: 'A client id with zeros and high bits',
    packet: { options: [DISCOVER, [61, '00 80 00 ff 01']] },
  },
  'user-class-list': {
    about: 'RFC 3004 user classes',
    packet: { options: [DISCOVER, [77, `04${ascii('iPXE')} 03${ascii('lab')}`]] },
  },
  'fqdn-ascii': {
    about: 'FQDN in the old ASCII form',
    packet: { options: [DISCOVER, [81, `01 ff ff ${ascii('node.lab')}`]] },
  },
  'fqdn-short': { about: 'FQDN of two bytes', packet: { options: [DISCOVER, [81, '0000']] } },
};

/** The packet as annotated hex, opened by a line that says what is wrong. */
export function malformedHex({ about, packet, cut }: MalformedPacket): string {
  const hex = hexPacket(packet);
  if (cut === undefined) return `# ${about}\n${hex}`;
  const bytes = Buffer.from(bytesOfHex(hex).subarray(0, cut)).toString('hex');
  return `# ${about}\n${(bytes.match(/.{1,64}/g) ?? []).map((row) => row.replace(/(..)(?=.)/g, '$1 ')).join('\n')}\n`;
}

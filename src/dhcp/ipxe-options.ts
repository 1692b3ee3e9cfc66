/** Option 175: what iPXE can do and how it is steered (iPXE's encapsulated options; Etherboot before it). */
import { bytes, i8, type Shape, text, u8 } from './shape.ts';
import { type SubOptionDefinition, type SubOptionTable, subOptionsOf } from './sub-options.ts';
import { hexFromBytes, textFromBytes } from './text.ts';

/** Features by sub-option code: present means the build has it. */
const IPXE_FEATURES: Readonly<Record<number, string>> = {
  16: 'pxe-extensions',
  17: 'iscsi',
  18: 'aoe',
  19: 'http',
  20: 'https',
  21: 'tftp',
  22: 'ftp',
  23: 'dns',
  24: 'bzimage',
  25: 'multiboot',
  26: 'slam',
  27: 'srp',
  32: 'nbi',
  33: 'pxe',
  34: 'elf',
  35: 'comboot',
  36: 'efi',
  37: 'fcoe',
  38: 'vlan',
  39: 'menu',
  40: 'sdi',
  41: 'nfs',
};

/** 175.177: bus type, vendor and device (`pci 1af4:1000`). */
const busId: Shape<Uint8Array> = {
  ...bytes,
  kind: 'bus-id',
  format: (value) => {
    if (value.length !== 5) return bytes.format(value);
    const bus = value[0] === 1 ? 'pci' : `bus ${value[0]}`;
    return `${bus} ${hexFromBytes(value.subarray(1, 3))}:${hexFromBytes(value.subarray(3, 5))}`;
  },
};

/** 175.235: three bytes (`1.0.0`); some builds write text. */
export const ipxeVersion: Shape<string> = {
  kind: 'ipxe-version',
  expects: 'a version such as 1.21.1',
  decode: (value) => {
    if (value.length === 0) return undefined;
    return value.length === 3 && value.some((byte) => byte < 0x20) ? [...value].join('.') : textFromBytes(value);
  },
  encode: (value) => {
    const parts = typeof value === 'string' ? value.split('.').map(Number) : [];
    const fit = parts.length === 3 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
    return fit ? Uint8Array.from(parts) : undefined;
  },
  format: (value) => value,
};

export const NO_PROXY_DHCP = 176;
export const IPXE_VERSION = 235;

const features: readonly SubOptionDefinition[] = Object.entries(IPXE_FEATURES).map(([code, name]) => ({
  code: Number(code),
  name,
  shape: u8,
}));

export const IPXE_SUB_OPTIONS: SubOptionTable = {
  padded: true,
  closed: false,
  definitions: [
    { code: 1, name: 'priority', shape: i8 },
    { code: 8, name: 'keep-san', shape: u8 },
    { code: 9, name: 'skip-san-boot', shape: u8 },
    ...features,
    { code: 81, name: 'scriptlet', shape: text },
    { code: 85, name: 'syslogs', shape: text },
    { code: 91, name: 'cert', shape: bytes },
    { code: 92, name: 'privkey', shape: bytes },
    { code: 93, name: 'crosscert', shape: text },
    { code: NO_PROXY_DHCP, name: 'no-pxedhcp', shape: u8 },
    { code: 177, name: 'bus-id', shape: busId },
    { code: 188, name: 'san-filename', shape: text },
    { code: 189, name: 'bios-drive', shape: u8 },
    { code: 190, name: 'username', shape: text },
    { code: 191, name: 'password', shape: text },
    { code: 192, name: 'reverse-username', shape: text },
    { code: 193, name: 'reverse-password', shape: text },
    { code: IPXE_VERSION, name: 'version', shape: ipxeVersion },
  ],
};

export const ipxeOptions = subOptionsOf('ipxe-options', IPXE_SUB_OPTIONS);

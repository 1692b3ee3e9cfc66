/** What a machine said of itself, and THE architecture table (DHCP option 93). */
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import { isOfVendor } from '../net/vendors.ts';

export type FirmwareKind = 'bios' | 'uefi' | 'uboot' | 'openfirmware' | 'opal' | 's390' | 'rpi';
export type Cpu =
  | 'x86'
  | 'x64'
  | 'ia64'
  | 'arm32'
  | 'arm64'
  | 'ebc'
  | 'ppc'
  | 'riscv32'
  | 'riscv64'
  | 'riscv128'
  | 's390'
  | 'mips32'
  | 'mips64'
  | 'sunway32'
  | 'sunway64'
  | 'loong32'
  | 'loong64'
  | 'other';

/** What a loader is built for: one key for every (firmware, cpu) pair we can serve a loader to. */
export type LoaderTarget =
  | 'bios'
  | 'uefi-x86'
  | 'uefi-x64'
  | 'uefi-arm32'
  | 'uefi-arm64'
  | 'uefi-riscv32'
  | 'uefi-riscv64'
  | 'uefi-loong64';

/** One row of IANA's "Processor Architecture Types" registry (RFC 4578 §2.1, RFC 5970 §3.3, its erratum and later additions). */
export interface Architecture {
  /** Option 93 value; shown decimal and hex because people confuse the two. */
  readonly code: number;
  readonly name: string;
  readonly firmware: FirmwareKind;
  readonly cpu: Cpu;
  readonly transport: 'tftp' | 'http';
  /** Which loader build fits; absent where no loader exists. */
  readonly target?: LoaderTarget;
  readonly deprecated?: true;
}

type Row = [
  code: number,
  name: string,
  firmware: FirmwareKind,
  cpu: Cpu,
  transport: 'tftp' | 'http',
  target?: LoaderTarget | undefined,
  deprecated?: true,
];

// 7 and 9: RFC 4578's text and the registry swapped EBC and x64, so x64 firmware in the field sends either. 9 is served as x64.
const ROWS: readonly Row[] = [
  [0, 'x86 BIOS', 'bios', 'x86', 'tftp', 'bios'],
  [1, 'NEC PC-98', 'bios', 'x86', 'tftp', undefined, true],
  [2, 'Itanium', 'uefi', 'ia64', 'tftp'],
  [3, 'DEC Alpha', 'bios', 'other', 'tftp', undefined, true],
  [4, 'Arc x86', 'bios', 'x86', 'tftp', undefined, true],
  [5, 'Intel Lean Client', 'bios', 'x86', 'tftp', undefined, true],
  [6, 'x86 UEFI', 'uefi', 'x86', 'tftp', 'uefi-x86'],
  [7, 'x64 UEFI', 'uefi', 'x64', 'tftp', 'uefi-x64'],
  [8, 'EFI Xscale', 'uefi', 'arm32', 'tftp', undefined, true],
  [9, 'x64 UEFI (EBC)', 'uefi', 'x64', 'tftp', 'uefi-x64'],
  [10, 'ARM 32-bit UEFI', 'uefi', 'arm32', 'tftp', 'uefi-arm32'],
  [11, 'ARM 64-bit UEFI', 'uefi', 'arm64', 'tftp', 'uefi-arm64'],
  [12, 'PowerPC Open Firmware', 'openfirmware', 'ppc', 'tftp'],
  [13, 'PowerPC ePAPR', 'uboot', 'ppc', 'tftp'],
  [14, 'POWER OPAL v3', 'opal', 'ppc', 'tftp'],
  [15, 'x86 UEFI HTTP', 'uefi', 'x86', 'http', 'uefi-x86'],
  [16, 'x64 UEFI HTTP', 'uefi', 'x64', 'http', 'uefi-x64'],
  [17, 'x64 UEFI HTTP (EBC)', 'uefi', 'x64', 'http', 'uefi-x64'],
  [18, 'ARM 32-bit UEFI HTTP', 'uefi', 'arm32', 'http', 'uefi-arm32'],
  [19, 'ARM 64-bit UEFI HTTP', 'uefi', 'arm64', 'http', 'uefi-arm64'],
  [20, 'x86 BIOS HTTP', 'bios', 'x86', 'http', 'bios'],
  [21, 'ARM 32-bit U-Boot', 'uboot', 'arm32', 'tftp'],
  [22, 'ARM 64-bit U-Boot', 'uboot', 'arm64', 'tftp'],
  [23, 'ARM 32-bit U-Boot HTTP', 'uboot', 'arm32', 'http'],
  [24, 'ARM 64-bit U-Boot HTTP', 'uboot', 'arm64', 'http'],
  [25, 'RISC-V 32-bit UEFI', 'uefi', 'riscv32', 'tftp', 'uefi-riscv32'],
  [26, 'RISC-V 32-bit UEFI HTTP', 'uefi', 'riscv32', 'http', 'uefi-riscv32'],
  [27, 'RISC-V 64-bit UEFI', 'uefi', 'riscv64', 'tftp', 'uefi-riscv64'],
  [28, 'RISC-V 64-bit UEFI HTTP', 'uefi', 'riscv64', 'http', 'uefi-riscv64'],
  [29, 'RISC-V 128-bit UEFI', 'uefi', 'riscv128', 'tftp'],
  [30, 'RISC-V 128-bit UEFI HTTP', 'uefi', 'riscv128', 'http'],
  [31, 's390 Basic', 's390', 's390', 'tftp'],
  [32, 's390 Extended', 's390', 's390', 'tftp'],
  [33, 'MIPS 32-bit UEFI', 'uefi', 'mips32', 'tftp'],
  [34, 'MIPS 64-bit UEFI', 'uefi', 'mips64', 'tftp'],
  [35, 'Sunway 32-bit UEFI', 'uefi', 'sunway32', 'tftp'],
  [36, 'Sunway 64-bit UEFI', 'uefi', 'sunway64', 'tftp'],
  [37, 'LoongArch 32-bit UEFI', 'uefi', 'loong32', 'tftp'],
  [38, 'LoongArch 32-bit UEFI HTTP', 'uefi', 'loong32', 'http'],
  [39, 'LoongArch 64-bit UEFI', 'uefi', 'loong64', 'tftp', 'uefi-loong64'],
  [40, 'LoongArch 64-bit UEFI HTTP', 'uefi', 'loong64', 'http', 'uefi-loong64'],
  [41, 'ARM rpiboot', 'rpi', 'arm64', 'tftp'],
];

export const ARCHITECTURES: readonly Architecture[] = ROWS.map(
  ([code, name, firmware, cpu, transport, target, deprecated]) => ({
    code,
    name,
    firmware,
    cpu,
    transport,
    ...(target && { target }),
    ...(deprecated && { deprecated }),
  }),
);

const BY_CODE = new Map(ARCHITECTURES.map((architecture) => [architecture.code, architecture]));

export function findArchitecture(code: number): Architecture | undefined {
  return BY_CODE.get(code);
}

const BIOS = 0;
/** The boot ROM of a Raspberry Pi. */
export const RPIBOOT = 41;

/**
 * The first listed code that we have a loader for, else the first that is known at all (option 93 is a list). The boot ROM
 * of a Raspberry Pi says 0, x86 BIOS, and is told apart by its MAC.
 */
export function chooseArchitecture(codes: readonly number[], mac?: Mac): Architecture | undefined {
  const isPi = mac !== undefined && isOfVendor(mac, 'raspberry-pi');
  const known = codes
    .map((code) => findArchitecture(isPi && code === BIOS ? RPIBOOT : code))
    .filter((architecture) => architecture !== undefined);
  return known.find((architecture) => architecture.target) ?? known[0];
}

/** `7 (0x07) x64 UEFI`: decimal and hex side by side. */
export function formatArchitecture(code: number): string {
  const name = findArchitecture(code)?.name ?? 'unknown architecture';
  return `${code} (0x${code.toString(16).padStart(2, '0')}) ${name}`;
}

/** Which program is asking. `pxe` and `http` are firmware; `ipxe` is iPXE whatever started it; `other` is no boot client. */
export type ClientKind = 'pxe' | 'http' | 'ipxe' | 'other';

/** What iPXE says of itself in option 175 (or its HTTP requests). */
export interface IpxeFacts {
  /** `1.0.0`, when it said so (175.235). */
  readonly version?: string;
  /** It can fetch `http://` (175.19). */
  readonly http: boolean;
  /** It can fetch `https://` (175.20). */
  readonly https: boolean;
  /** It runs on UEFI (175.36). */
  readonly efi: boolean;
}

/** A boot client as it described itself. Nothing here is proof of anything: it only selects and informs. */
export interface BootClient {
  readonly mac: Mac;
  readonly kind: ClientKind;
  /** Chosen from `archCodes`, else from option 60's `Arch:NNNNN` text. */
  readonly arch?: Architecture;
  /** Option 93 as sent. */
  readonly archCodes: readonly number[];
  /** Option 97 without its type byte, as lower-case text with the first three fields turned to big-endian. */
  readonly uuid?: string;
  /** Option 61, hex. */
  readonly clientId?: string;
  /** Option 60. */
  readonly vendorClass?: string;
  /** Option 77, both encodings. */
  readonly userClasses: readonly string[];
  /** Option 94 as `3.16` (major.minor). */
  readonly undi?: string;
  /** Option 12. Never used for paths. */
  readonly hostname?: string;
  readonly ipxe?: IpxeFacts;
  /** Address it has or asks for. */
  readonly address?: Ipv4;
  /** Relay agent (giaddr) when not on our link. */
  readonly relay?: Ipv4;
  /** Option 82 sub-option 1, hex. */
  readonly circuitId?: string;
}

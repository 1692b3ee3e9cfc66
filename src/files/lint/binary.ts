/** What a file of `boot-images/` is, by how it begins: kernels, loaders, archives, and pages saved by mistake. */
import type { Cpu } from '../../boot/client.ts';
import { PE_HEAD_BYTES, readPe } from '../../boot/pe.ts';

export type Binary =
  /** `cpus`: machines that can run it. */
  | { readonly kind: 'program'; readonly format: string; readonly cpus: readonly Cpu[] }
  | { readonly kind: 'archive'; readonly format: string }
  | { readonly kind: 'page' }
  | { readonly kind: 'empty' }
  | { readonly kind: 'other' };

/** Bytes that `readBinary` wants to see. */
export const HEAD_BYTES = PE_HEAD_BYTES;

/** ELF: e_machine. RISC-V and LoongArch are told apart by the class. */
const ELF_MACHINES: Readonly<Record<number, readonly [Cpu, Cpu]>> = {
  3: ['x86', 'x86'],
  62: ['x64', 'x64'],
  40: ['arm32', 'arm32'],
  183: ['arm64', 'arm64'],
  20: ['ppc', 'ppc'],
  21: ['ppc', 'ppc'],
  243: ['riscv32', 'riscv64'],
  258: ['loong32', 'loong64'],
};

const ARCHIVES: readonly (readonly [string, readonly number[]])[] = [
  ['gzip', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['lz4', [0x02, 0x21, 0x4c, 0x18]],
  ['lz4', [0x04, 0x22, 0x4d, 0x18]],
  ['lzma', [0x5d, 0x00, 0x00]],
  ['cpio', [0x30, 0x37, 0x30, 0x37, 0x30]],
  // A legacy image of U-Boot, kernel or initrd.
  ['U-Boot image', [0x27, 0x05, 0x19, 0x56]],
  ['device tree or FIT', [0xd0, 0x0d, 0xfe, 0xed]],
];

/** @param head the first `HEAD_BYTES` of the file, or all of it */
export function readBinary(head: Uint8Array): Binary {
  if (head.length === 0) return { kind: 'empty' };
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const u16 = (at: number) => (at + 2 <= head.length ? view.getUint16(at, true) : -1);
  const u32 = (at: number) => (at + 4 <= head.length ? view.getUint32(at, true) : -1);
  // Linux Documentation/arch/x86/boot.rst: "HdrS", and XLF_KERNEL_64 in xloadflags since protocol 2.12.
  if (u16(0x1fe) === 0xaa55 && u32(0x202) === 0x53726448) {
    const is64 = u16(0x206) >= 0x020c && (u16(0x236) & 1) === 1;
    return program('Linux bzImage', is64 ? ['x64'] : ['x86', 'x64']);
  }
  // Documentation/arch/arm64/booting.rst and riscv/boot-image-header.rst.
  if (u32(56) === 0x644d5241) return program('Linux Image', ['arm64']);
  if (u32(56) === 0x05435352) return program('Linux Image', ['riscv64', 'riscv32']);
  if (u32(0x24) === 0x016f2818) return program('Linux zImage', ['arm32']);
  const pe = readPe(head, head.length);
  if (pe.kind === 'pe') return isCpu(pe.machine) ? program('EFI program', [pe.machine]) : { kind: 'other' };
  if (u32(0) === 0x464c457f) {
    const big = head[5] === 2;
    const cpus = ELF_MACHINES[view.getUint16(Math.min(18, head.length - 2), !big)];
    const cpu = cpus?.[head[4] === 2 ? 1 : 0];
    return cpu ? program('ELF program', [cpu]) : { kind: 'other' };
  }
  const archive = ARCHIVES.find(([, magic]) => magic.every((byte, index) => head[index] === byte));
  if (archive) return { kind: 'archive', format: archive[0] };
  if (/^\s*<(?:!doctype|html|head|\?xml)/i.test(new TextDecoder().decode(head.subarray(0, 200))))
    return { kind: 'page' };
  return { kind: 'other' };
}

function isCpu(machine: Cpu | `0x${string}`): machine is Cpu {
  return !machine.startsWith('0x');
}

function program(format: string, cpus: readonly Cpu[]): Binary {
  return { kind: 'program', format, cpus };
}

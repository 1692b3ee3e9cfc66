/** What a loader or kernel says of itself as a PE image: its processor, and whether it carries a signature (Microsoft PE/COFF, UEFI §32). */

import type { Cpu } from './client.ts';

/** `other`: no PE image at all, which Secure Boot firmware and shim refuse as well. */
export type PeImage =
  /** `machine` is a processor, or its number where we have no name for it. */
  { readonly kind: 'pe'; readonly machine: Cpu | `0x${string}`; readonly signed: boolean } | { readonly kind: 'other' };

/** As many bytes from the front as hold everything that is looked at. */
export const PE_HEAD_BYTES = 4096;

const MACHINES: Readonly<Record<number, Cpu>> = {
  332: 'x86',
  34404: 'x64',
  448: 'arm32',
  450: 'arm32',
  452: 'arm32',
  43620: 'arm64',
  20530: 'riscv32',
  20580: 'riscv64',
  25138: 'loong32',
  25188: 'loong64',
};
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
const CERTIFICATES = 4;
/** Length, revision and type in front of each certificate. */
const CERTIFICATE_HEAD = 8;

/**
 * @param head the first `PE_HEAD_BYTES` of the file, or all of a shorter one
 * @param size of the whole file: a table of certificates that lies outside of it is none
 */
export function readPe(head: Uint8Array, size: number): PeImage {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const u16 = (at: number) => (at + 2 <= head.length ? view.getUint16(at, true) : undefined);
  const u32 = (at: number) => (at + 4 <= head.length ? view.getUint32(at, true) : undefined);
  if (u16(0) !== 0x5a4d) return { kind: 'other' };
  const start = u32(0x3c);
  if (start === undefined || u32(start) !== 0x00004550) return { kind: 'other' };
  const optional = start + 24;
  const magic = u16(optional);
  const machine = u16(start + 4);
  if (machine === undefined || (magic !== PE32 && magic !== PE32_PLUS)) return { kind: 'other' };
  const count = u32(optional + (magic === PE32 ? 92 : 108)) ?? 0;
  const entry = optional + (magic === PE32 ? 96 : 112) + CERTIFICATES * 8;
  const [at, length] = [u32(entry) ?? 0, u32(entry + 4) ?? 0];
  const signed = count > CERTIFICATES && at > 0 && length > CERTIFICATE_HEAD && at + length <= size;
  return { kind: 'pe', machine: MACHINES[machine] ?? `0x${machine.toString(16)}`, signed };
}

/** `signed for x64`, `not signed`, `no EFI program`. */
export function describePe(image: PeImage): string {
  if (image.kind === 'other') return 'no EFI program';
  return image.signed ? `signed, for ${image.machine}` : `not signed, for ${image.machine}`;
}

/** Makers told by the first three bytes of a MAC (IEEE's registry), as far as booting treats them differently. */
import type { Mac } from './mac.ts';

const BLOCKS = {
  'raspberry-pi': new Set(['28:cd:c1', '2c:cf:67', 'b8:27:eb', 'd8:3a:dd', 'dc:a6:32', 'e4:5f:01']),
  qemu: new Set(['52:54:00']),
  vmware: new Set(['00:05:69', '00:0c:29', '00:50:56']),
  virtualbox: new Set(['08:00:27']),
  'hyper-v': new Set(['00:15:5d']),
  xen: new Set(['00:16:3e']),
} satisfies Record<string, ReadonlySet<string>>;

export type Vendor = keyof typeof BLOCKS;
export const VENDORS = Object.keys(BLOCKS) as [Vendor, ...Vendor[]];

export function isOfVendor(mac: Mac, vendor: Vendor): boolean {
  // Every packet asks.
  return BLOCKS[vendor].has(mac.slice(0, 8));
}

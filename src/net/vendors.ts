/** Makers told by the first three bytes of a MAC (IEEE's registry), as far as booting treats them differently. */
import { hasMacPrefix, type Mac, type MacPrefix } from './mac.ts';

const PREFIXES = {
  'raspberry-pi': ['28cdc1', '2ccf67', 'b827eb', 'd83add', 'dca632', 'e45f01'],
  qemu: ['525400'],
  vmware: ['000569', '000c29', '005056'],
  virtualbox: ['080027'],
  'hyper-v': ['00155d'],
  xen: ['00163e'],
} as const satisfies Record<string, readonly string[]>;

export type Vendor = keyof typeof PREFIXES;
export const VENDORS = Object.keys(PREFIXES) as [Vendor, ...Vendor[]];

export function isOfVendor(mac: Mac, vendor: Vendor): boolean {
  return PREFIXES[vendor].some((prefix) => hasMacPrefix(mac, prefix as string as MacPrefix));
}

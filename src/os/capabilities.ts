/** What this process may do with the network, from the kernel's own record of it. */

import { readFileSync } from 'node:fs';

/** Bits of the capability sets (`<linux/capability.h>`) that matter to a boot server. */
const BITS = { netBindService: 10, netAdmin: 12, netRaw: 13 } as const;

export interface Capabilities {
  /** Ports below 1024. */
  readonly netBindService: boolean;
  /** Neighbour entries, receive buffers beyond `net.core.rmem_max`. */
  readonly netAdmin: boolean;
  /** AF_PACKET sockets. */
  readonly netRaw: boolean;
}

/** Effective capabilities of this process; all false where /proc does not tell. */
export function readCapabilities(statusFile = '/proc/self/status'): Capabilities {
  try {
    return parseCapabilities(readFileSync(statusFile, 'utf8'));
  } catch {
    return { netBindService: false, netAdmin: false, netRaw: false };
  }
}

/** Reads the `CapEff:` line of /proc/<pid>/status, 64 bits in hex. */
export function parseCapabilities(status: string): Capabilities {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/im.exec(status)?.[1] ?? '0'}`);
  const has = (bit: number) => ((effective >> BigInt(bit)) & 1n) === 1n;
  return { netBindService: has(BITS.netBindService), netAdmin: has(BITS.netAdmin), netRaw: has(BITS.netRaw) };
}

/** Who is behind an address on our own wires: the kernel's neighbour table. */
import { readFileSync } from 'node:fs';
import { type Mac, parseMac } from '../net/mac.ts';

/** `/proc/net/arp`: address, hardware type, flags, hardware address, mask, device. Flag 0x2 says the entry is complete. */
const COMPLETE = 0x2;

/** The MAC the kernel talks to for `ip`, if it has spoken with it lately (30 µs). Proves nothing: neighbours can lie. */
export function findNeighbour(ip: string, read: () => string = readArp): Mac | undefined {
  for (const line of read().split('\n')) {
    const [address, , flags, hardware] = line.split(/\s+/);
    if (address !== ip || hardware === undefined || (Number(flags) & COMPLETE) === 0) continue;
    const mac = parseMac(hardware);
    return mac === '00:00:00:00:00:00' ? undefined : mac;
  }
  return undefined;
}

function readArp(): string {
  try {
    return readFileSync('/proc/net/arp', 'utf8');
  } catch {
    // Not Linux, or /proc is hidden: the lease table has to do.
    return '';
  }
}

/** What the operator can set about TFTP. */

import type { IpNetwork } from '../net/ip-network.ts';
import { type AdmissionLimits, DEFAULT_ADMISSION } from './admission.ts';
import { DEFAULT_CAPS, type NegotiationCaps } from './negotiate.ts';
import type { ClientRule } from './policy.ts';

export interface TftpSettings {
  /** 69; 0 takes a free one. */
  readonly port: number;
  /** Answers from the listening port instead of a new one a transfer: for NAT and container networks. */
  readonly singlePort: boolean;
  /** Transfers take their ports from here, both ends included; undefined: the kernel chooses. */
  readonly portRange?: PortRange | undefined;
  readonly caps: NegotiationCaps;
  /** Whether blocks are fitted to the interface's MTU: fragments are lost by many ROMs. */
  readonly fitMtu: boolean;
  /**
   * Longest time between retransmissions when the client names none. Longer than the 4–5 s after which clients repeat
   * their ACK: atftp ignores copies of what it has, and its own timer starts anew with each of them.
   */
  readonly retransmitMaxMs: number;
  /** A client without a new ACK for so long is given up. */
  readonly giveUpMs: number;
  readonly admission: AdmissionLimits;
  /** Who may ask; undefined: private and link-local addresses, and the networks that are served. */
  readonly allow?: readonly IpNetwork[] | undefined;
  /** What holds for some clients only. */
  readonly clients: readonly ClientRule[];
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const DEFAULT_TFTP_SETTINGS: TftpSettings = {
  port: 69,
  singlePort: false,
  caps: DEFAULT_CAPS,
  fitMtu: true,
  retransmitMaxMs: 8000,
  giveUpMs: 30_000,
  admission: DEFAULT_ADMISSION,
  clients: [],
};

/**
 * The ports of a range that are not taken, each once.
 * @param random 0–1, where to begin: a port should not be used again at once
 */
export function* freePorts(range: PortRange, taken: ReadonlySet<number>, random: number): Generator<number> {
  const count = range.last - range.first + 1;
  const start = Math.floor(random * count);
  for (let step = 0; step < count; step++) {
    const port = range.first + ((start + step) % count);
    if (!taken.has(port)) yield port;
  }
}

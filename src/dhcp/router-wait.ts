/**
 * iPXE asks for an IPv6 router beside DHCP, and waits 13 seconds for one although it has all it needs. Whether a client is told
 * that there is none, and how often. Pure.
 */

import { ANY_ADDRESS } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { ClientExchange } from './exchange.ts';

/** `end`: it is sent a router advertisement with lifetime 0 after the reply. */
export interface RouterWait {
  readonly end: boolean;
  readonly because: string;
}

/** Undefined for whoever does not wait: firmware's own PXE and systems. */
export function judgeRouterWait({ client, request, served, ingressKnown }: ClientExchange): RouterWait | undefined {
  if (client.kind !== 'ipxe') return undefined;
  const keep = (because: string): RouterWait => ({ end: false, because });
  const { skipRouterWait, mode } = served.network;
  if (request.giaddr !== ANY_ADDRESS) return keep('it is behind a relay, where no frame of ours goes');
  if (!ingressKnown) return keep('the interface it is on is not known');
  if (skipRouterWait === 'never') return keep('the network says skipRouterWait: never');
  if (skipRouterWait === 'always') return { end: true, because: 'the network says skipRouterWait: always' };
  if (mode === 'proxy') return keep('the network is another server’s; skipRouterWait: always would end its wait');
  if (served.ipv6) return keep(`IPv6 is in use on ${served.interface}: a router of its own answers`);
  return { end: true, because: `no IPv6 is in use on ${served.interface}` };
}

/** Twice as often as iPXE's own first question would be: the OFFER's is repeated by the ACK's when it was lost. */
const PAUSE_MS = 500;
const MOST_REMEMBERED = 1024;

export interface RouterWaitPace {
  /** Whether this client may be sent one now; then it counts as sent. */
  take(mac: Mac, now: number): boolean;
}

/** One advertisement a client each half second, and none while more clients were served in that time than are remembered. */
export function createRouterWaitPace(): RouterWaitPace {
  const last = new Map<Mac, number>();
  return {
    take(mac, now) {
      const before = last.get(mac);
      if (before !== undefined && now - before < PAUSE_MS) return false;
      // In order of time: whoever is first was served longest ago.
      for (const [old, at] of last) {
        if (now - at < PAUSE_MS) break;
        last.delete(old);
      }
      if (last.size >= MOST_REMEMBERED) return false;
      last.delete(mac);
      last.set(mac, now);
      return true;
    },
  };
}

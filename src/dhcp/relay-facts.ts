/** What a relay agent says: giaddr and option 82 (RFC 3046 and later), as far as answers depend on it. */
import { ANY_ADDRESS, type Ipv4 } from '../net/ipv4.ts';
import { readOption } from './options.ts';
import type { Packet } from './packet.ts';
import { relayOptions } from './relay-options.ts';
import { ip } from './shape.ts';
import { readSubOption } from './sub-options.ts';
import { hexFromBytes } from './text.ts';

export interface RelayFacts {
  /** Where the answer goes; absent on our own link. */
  readonly giaddr?: Ipv4;
  /** Sub-option 1, hex: the port of the switch. */
  readonly circuitId?: string;
  /** Sub-option 5 (RFC 3527): the subnet to serve, when it is not giaddr's. */
  readonly linkSelection?: Ipv4;
  /** Sub-option 11 (RFC 5107): the server identifier the client is to see, so that its renewals pass the relay too. */
  readonly serverIdOverride?: Ipv4;
  /** Sub-option 19 (RFC 8357): the answer goes to the relay's source port instead of 67. */
  readonly answerSourcePort: boolean;
}

/** Option 82 on our own link comes from no relay we know of: it is left out of account (RFC 3046 §2.1). */
export function relayFacts(request: Packet): RelayFacts {
  const { giaddr } = request;
  if (giaddr === ANY_ADDRESS) return { answerSourcePort: false };
  const subs = readOption(request, 82, relayOptions);
  if (!subs) return { giaddr, answerSourcePort: false };
  const circuit = subs.find((sub) => sub.code === 1)?.bytes;
  const linkSelection = readSubOption(subs, 5, ip);
  const serverIdOverride = readSubOption(subs, 11, ip);
  return {
    answerSourcePort: subs.some((sub) => sub.code === 19),
    giaddr,
    ...(circuit && { circuitId: hexFromBytes(circuit) }),
    ...(linkSelection && { linkSelection }),
    ...(serverIdOverride && { serverIdOverride }),
  };
}

/** One request with all that an answer depends on, and what comes out of it. */
import type { Catalog } from '../boot/catalog.ts';
import type { BootClient } from '../boot/client.ts';
import type { Decision } from '../boot/decide.ts';
import type { Lease } from '../boot/lease.ts';
import type { ServedNetwork } from '../boot/served.ts';
import type { Ipv4 } from '../net/ipv4.ts';
import type { AddressBook, Claimant } from './lease.ts';
import type { Packet } from './packet.ts';
import type { RouterWait } from './router-wait.ts';
import type { StrategyBook } from './strategy.ts';

export interface Exchange {
  readonly request: Packet;
  /** The network the request belongs to; see `selectNetwork`. */
  readonly served: ServedNetwork;
  readonly book: AddressBook;
  readonly catalog: Catalog;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Our port the request came to: 67 or 4011. */
  readonly localPort: number;
  /** False when the request may have come in on another of our interfaces: then nothing is refused for its subnet. */
  readonly ingressKnown: boolean;
  /** Why the network answers nobody now. */
  readonly hold?: string;
  /** Given when the wire can be asked: an address that is new to the client, and not this one, is asked about first. */
  readonly proof?: { readonly address: Ipv4 | undefined };
  /** What was learnt of proxying; without it firmware gets what its kind usually takes. */
  readonly strategies?: Pick<StrategyBook, 'choose' | 'offered'>;
}

/** An exchange whose client is known and decided on. */
export interface ClientExchange extends Exchange {
  readonly client: BootClient;
  readonly decision: Decision;
  readonly claimant: Claimant;
}

interface OutcomeFacts {
  /** One phrase: why this. */
  readonly reason: string;
  readonly client?: BootClient;
  readonly decision?: Decision;
}

type ReplyMessage = 'OFFER' | 'ACK' | 'NAK' | 'BOOTP reply';

/** Silence is a decision too. `routine` silence concerns nobody: a client of another server, a plain client of a proxy. */
export interface IgnoreOutcome extends OutcomeFacts {
  readonly kind: 'ignore';
  readonly routine: boolean;
}

/** Commit `leases` before `packet` leaves. */
export interface ReplyOutcome extends OutcomeFacts {
  readonly kind: 'reply';
  readonly message: ReplyMessage;
  readonly packet: Packet;
  readonly leases: readonly Lease[];
  /** The address it gives, when nothing says that its last holder is gone: to be asked about on the wire first. */
  readonly unproven?: Ipv4;
  /** Kept back so long before it is sent. */
  readonly delayMs?: number;
  /** Options that were left out, and what is doubtful about the answer. */
  readonly notes: readonly string[];
  /** Of an iPXE: whether its wait for an IPv6 router is ended. */
  readonly routerWait?: RouterWait;
  readonly client: BootClient;
}

/** Commit `leases`; nothing is answered (RFC 2131 §4.3.3, §4.3.4). */
export interface RecordOutcome extends OutcomeFacts {
  readonly kind: 'record';
  readonly message: 'RELEASE' | 'DECLINE';
  readonly leases: readonly Lease[];
  readonly client: BootClient;
}

/** Answered by nobody here, and kept in the records all the same. */
export interface ObserveOutcome extends OutcomeFacts {
  readonly kind: 'observe';
  readonly client: BootClient;
}

export type Outcome = IgnoreOutcome | ObserveOutcome | ReplyOutcome | RecordOutcome;

/** A client that was understood, as those are told who keep what was seen. */
export interface Sighting {
  readonly client: BootClient;
  /** Name of the network it asked on. */
  readonly network: string;
  readonly answered: boolean;
  readonly decision?: Decision;
}

export function tellSeen(seen: ((sighting: Sighting) => void) | undefined, outcome: Outcome, network: string): void {
  const { client, decision } = outcome;
  if (client) seen?.({ client, network, answered: outcome.kind === 'reply', ...(decision && { decision }) });
}

/** Silence towards a client, with the reason. */
export function ignore(exchange: Partial<ClientExchange>, reason: string, routine = false): IgnoreOutcome {
  const { client, decision } = exchange;
  return { kind: 'ignore', reason, routine, ...(client && { client }), ...(decision && { decision }) };
}

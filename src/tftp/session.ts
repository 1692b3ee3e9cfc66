/** One request in flight: who asks for what, and how far it is. */
import type { Requester } from '../boot/content.ts';
import { redactToken } from '../boot/token-path.ts';
import type { TransferLink } from './link.ts';
import type { UdpListener } from './listeners.ts';
import type { RequestPacket } from './packet.ts';
import type { RequestFacts } from './report.ts';
import type { Peer } from './request.ts';
import type { Transfer } from './transfer.ts';

/** Where a request came in. */
export interface Arrival {
  readonly listener: UdpListener;
  readonly peer: Peer;
  readonly mtu: number | undefined;
}

export interface TransferStatus {
  readonly client: string;
  readonly path: string;
  readonly bytes: number;
  readonly retransmits: number;
  readonly ms: number;
}

export interface Session {
  readonly key: string;
  readonly signature: string;
  readonly startedMs: number;
  readonly arrival: Arrival;
  readonly request: RequestPacket;
  readonly requester: Requester;
  transfer?: Transfer;
  link?: TransferLink;
  /** Why it must not begin: the client asked for something else before the file was open, or we are stopping. */
  cancelled?: string;
  released: boolean;
}

export interface SessionCounters {
  readonly requests: number;
  /** Requests dropped by a limit; the client asks again. */
  readonly overLimit: number;
  /** Requests from networks that may not ask. */
  readonly notAllowed: number;
  /** Requests for which no port was left. */
  readonly busy: number;
  /** Datagrams to a transfer, from its own client, that are neither ACK nor ERROR. */
  readonly ignored: number;
  /** Sends the kernel refused; treated as lost. */
  readonly sendErrors: number;
  /** Bugs, each contained to its transfer. */
  readonly bugs: number;
}

export interface Sessions {
  request(packet: RequestPacket, arrival: Arrival): void;
  /** A datagram on the listening port that is no request; false when it belongs to nobody. */
  take(bytes: Uint8Array, arrival: Arrival): boolean;
  status(): readonly TransferStatus[];
  /** How many transfers run. */
  running(): number;
  counters(): SessionCounters;
  /** Networks whose machines may ask when the operator lists none. */
  serveNetworks(networks: readonly string[]): void;
  /** Whether an ERROR may go to a source whose request is malformed; each counts as a start, so that nobody is flooded. */
  mayRefuse(peer: Peer): boolean;
  /** From now on requests are dropped. */
  refuse(): void;
  /** Ends what runs with ERROR 0. */
  stop(text: string): void;
}

/** One client's port on one of our addresses: at most one request is in flight between them. */
export function keyOf({ listener, peer }: Arrival): string {
  return `${listener.address} ${peer.address} ${peer.port}`;
}

export function statusOf(session: Session, nowMs: number): TransferStatus {
  const progress = session.transfer?.progress();
  return {
    client: `${session.requester.ip}:${session.arrival.peer.port}`,
    path: redactToken(session.request.path),
    bytes: progress?.bytes ?? 0,
    retransmits: progress?.retransmits ?? 0,
    ms: Math.round(nowMs - session.startedMs),
  };
}

export function factsOf({ request, requester, arrival, startedMs }: Session, nowMs: number): RequestFacts {
  const path = redactToken(request.path);
  const facts = { request: { ...request, path }, path, requester };
  return { ...facts, clientPort: arrival.peer.port, ms: nowMs - startedMs };
}

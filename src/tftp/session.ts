/** One request in flight: who asks for what, and how far it is. */
import type { Requester } from '../boot/content.ts';
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

/** One client's port on one of our addresses: at most one request is in flight between them. */
export function keyOf({ listener, peer }: Arrival): string {
  return `${listener.address} ${peer.address} ${peer.port}`;
}

export function statusOf(session: Session, nowMs: number): TransferStatus {
  const progress = session.transfer?.progress();
  return {
    client: `${session.requester.ip}:${session.arrival.peer.port}`,
    path: session.request.path,
    bytes: progress?.bytes ?? 0,
    retransmits: progress?.retransmits ?? 0,
    ms: Math.round(nowMs - session.startedMs),
  };
}

export function factsOf({ request, requester, arrival, startedMs }: Session, nowMs: number): RequestFacts {
  return { request, path: request.path, requester, clientPort: arrival.peer.port, ms: nowMs - startedMs };
}

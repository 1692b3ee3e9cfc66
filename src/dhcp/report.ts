/** An outcome as an event: the one record behind the log line, the store and the machine's timeline. */
import type { BootEvent, EventKind } from '../boot/event.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { ANY_ADDRESS } from '../net/ipv4.ts';
import type { Outcome, ReplyOutcome } from './exchange.ts';
import { readOption } from './options.ts';
import type { Packet } from './packet.ts';
import { text } from './shape.ts';
import { clientId } from './shape-client.ts';
import { bytesFromHex } from './text.ts';

/** What the door adds: when, how long, and how the answer left. */
export interface Delivery {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly ms: number;
  /** How the answer left: `packet`, `unicast`, `broadcast`, `arp`. */
  readonly sentBy?: string;
  /** Why it is this network. */
  readonly networkBecause?: string;
  /** Where the answer went: an address or `broadcast`, and the port. */
  readonly to?: string;
  /** What became of the router advertisement that was to end its wait. */
  readonly routerAdvertisement?: string | undefined;
  /** Options that did not fit. */
  readonly dropped?: readonly number[];
}

export function eventOf(outcome: Outcome, request: Packet, served: ServedNetwork, delivery: Delivery): BootEvent {
  const { client, decision } = outcome;
  const ip = addressOf(outcome);
  const profile = decision?.assignment.kind === 'profile' ? decision.assignment.profile.name : undefined;
  return {
    at: delivery.at,
    kind: kindOf(outcome),
    summary: summaryOf(outcome),
    network: served.network.name,
    xid: xidText(request),
    ms: delivery.ms,
    ...(client && { mac: client.mac }),
    ...(ip !== undefined && { ip }),
    ...(decision?.host && { host: decision.host.name }),
    ...(profile !== undefined && { profile }),
    detail: detailOf(outcome, delivery),
  };
}

/** Eight hex digits. */
export function xidText(packet: Packet): string {
  return packet.xid.toString(16).padStart(8, '0');
}

function kindOf(outcome: Outcome): EventKind {
  switch (outcome.kind) {
    case 'ignore':
      return 'dhcp.ignored';
    case 'observe':
      return 'dhcp.seen';
    case 'record':
      return outcome.message === 'DECLINE' ? 'dhcp.decline' : 'dhcp.release';
    case 'reply':
      if (outcome.message === 'OFFER') return 'dhcp.offer';
      return outcome.message === 'NAK' ? 'dhcp.nak' : 'dhcp.ack';
    default:
      return outcome satisfies never;
  }
}

function summaryOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'ignore':
      return `no answer: ${outcome.reason}`;
    case 'observe':
      return `seen: ${outcome.reason}`;
    default:
      return `${outcome.message}: ${outcome.reason}`;
  }
}

function addressOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'record') return outcome.leases[0]?.address;
  if (outcome.kind === 'reply' && outcome.packet.yiaddr !== ANY_ADDRESS) return outcome.packet.yiaddr;
  return outcome.client?.address;
}

function detailOf(outcome: Outcome, delivery: Delivery): Readonly<Record<string, unknown>> {
  const { client } = outcome;
  const reply = outcome.kind === 'reply' ? outcome : undefined;
  const file = reply && (readOption(reply.packet, 67, text) ?? reply.packet.file);
  return {
    ...(client && { client: client.kind }),
    ...(client?.arch && { arch: client.arch.name }),
    ...(client?.relay && { relay: client.relay }),
    ...(file && { file }),
    ...(delivery.sentBy !== undefined && { sentBy: delivery.sentBy }),
    ...(delivery.dropped && delivery.dropped.length > 0 && { dropped: delivery.dropped }),
    ...(reply && reply.notes.length > 0 && { notes: reply.notes }),
    ...(delivery.to !== undefined && { to: delivery.to }),
    ...(delivery.routerAdvertisement !== undefined && { routerAdvertisement: delivery.routerAdvertisement }),
    trace: traceOf(outcome, delivery),
  };
}

/** How it came to this, a line a step: the network, who it is, its class, the rules that held, the options given. */
function traceOf(outcome: Outcome, { networkBecause }: Delivery): readonly string[] {
  const { client, decision } = outcome;
  const rules = (decision?.rules ?? []).filter(({ matched }) => matched);
  return [
    ...(networkBecause !== undefined ? [`network: by ${networkBecause}`] : []),
    ...(client ? [`identity: ${client.mac}${clientIdText(client.clientId)}`] : []),
    ...(client ? [`class: ${client.vendorClass ?? 'none'}, seen as ${client.kind}`] : []),
    ...rules.map(({ rule, because }) => `${rule}: ${because}`),
    ...(outcome.kind === 'reply' ? routerLines(outcome) : []),
    ...(outcome.kind === 'reply' ? [`options: ${[...outcome.packet.options.keys()].join(' ')}`] : []),
  ];
}

function routerLines({ routerWait }: ReplyOutcome): string[] {
  if (!routerWait) return [];
  return [`wait for an IPv6 router: ${routerWait.end ? 'ended' : 'not ended'}, ${routerWait.because}`];
}

/** RFC 4361: a DUID is shown as one. */
function clientIdText(hex: string | undefined): string {
  const bytes = hex === undefined ? undefined : bytesFromHex(hex);
  return bytes ? `, client identifier ${clientId.format(bytes)}` : '';
}

/** Ends of requests → events: what a transfer is called afterwards, in the log, the store and the boot timeline. */
import type { OpenContent, Requester } from '../boot/content.ts';
import type { BootEvent, EventKind } from '../boot/event.ts';
import type { Negotiation } from './negotiate.ts';
import type { RequestPacket } from './packet.ts';
import type { SendOutcome } from './send.ts';
import type { TransferProgress } from './transfer.ts';

/** What is known of a request from its first datagram on. */
export interface RequestFacts {
  readonly request: RequestPacket;
  readonly requester: Requester;
  readonly clientPort: number;
  /** Since the request came, in milliseconds. */
  readonly ms: number;
}

type Unstamped = Omit<BootEvent, 'at'>;

/** A request that never became a transfer. */
export function eventOfDenial(
  kind: 'tftp.absent' | 'tftp.refused' | 'tftp.failed' | 'tftp.aborted',
  reason: string,
  facts: RequestFacts,
): Unstamped {
  return { ...commonOf(kind, `${facts.request.path}: ${reason}`, facts), detail: askedOf(facts) };
}

export function eventOfTransfer(
  outcome: SendOutcome,
  facts: RequestFacts,
  content: Pick<OpenContent, 'origin' | 'host'>,
  negotiation: Negotiation,
  progress: TransferProgress,
): Unstamped {
  const { kind, summary } = describe(outcome, facts, progress);
  return {
    ...commonOf(kind, summary, facts),
    bytes: progress.bytes,
    ...(content.host !== undefined && { host: content.host }),
    detail: {
      ...askedOf(facts),
      outcome: outcome.kind,
      origin: content.origin,
      granted: Object.fromEntries(negotiation.accepted),
      blksize: negotiation.parameters.blksize,
      windowsize: negotiation.parameters.windowsize,
      blocks: progress.blocks,
      retransmits: progress.retransmits,
      ...(progress.roundTripMs !== undefined && { roundTripMs: progress.roundTripMs }),
      ...('code' in outcome && outcome.code !== undefined && { clientError: outcome.code }),
    },
  };
}

function describe(
  outcome: SendOutcome,
  facts: RequestFacts,
  progress: TransferProgress,
): { kind: EventKind; summary: string } {
  const { path } = facts.request;
  const sent = `${path}: ${progress.bytes} bytes in ${Math.round(facts.ms)} ms`;
  switch (outcome.kind) {
    case 'done':
      return { kind: 'tftp.done', summary: sent };
    case 'unconfirmed':
      return { kind: 'tftp.done', summary: `${sent}, the last ACK did not come` };
    case 'probe':
      return { kind: 'tftp.probe', summary: `${path}: the client looked at the options only${said(outcome.text)}` };
    case 'aborted':
      return {
        kind: 'tftp.aborted',
        summary: `${path}: the client ended it after ${progress.bytes} bytes${said(outcome.text)}`,
      };
    case 'silent':
      return {
        kind: 'tftp.failed',
        summary: outcome.answered
          ? `${path}: the client fell silent after ${progress.bytes} bytes`
          : `${path}: the client never answered; does something on the way drop our replies?`,
      };
    case 'failed':
      return { kind: 'tftp.failed', summary: `${path}: ${outcome.text}` };
    default:
      return outcome satisfies never;
  }
}

function commonOf(kind: EventKind, summary: string, facts: RequestFacts): Unstamped {
  const { mac, ip } = facts.requester;
  return { kind, summary, ip, ...(mac && { mac }), path: facts.request.path, ms: Math.round(facts.ms) };
}

function askedOf(facts: RequestFacts): Record<string, unknown> {
  const { mode, options, repeated } = facts.request;
  return {
    localAddress: facts.requester.localAddress,
    clientPort: facts.clientPort,
    mode,
    asked: Object.fromEntries(options),
    ...(repeated.length > 0 && { repeated }),
  };
}

/** The client's own words, quoted, without what would spoil a line. */
function said(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
  return clean === '' ? '' : ` ("${clean}")`;
}

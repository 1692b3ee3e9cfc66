/** Ends of requests → events: what a transfer is called afterwards, in the log, the store and the boot timeline. */
import type { OpenContent, Requester } from '../boot/content.ts';
import type { BootEvent, EventKind, RecordEvent } from '../boot/event.ts';
import type { OpenedUpload, Stored } from '../boot/upload.ts';
import type { RequestPacket } from './packet.ts';
import type { ReceiveOutcome } from './receive.ts';
import type { SendOutcome } from './send.ts';
import type { Transfer, TransferProgress } from './transfer.ts';

/** What is known of a request from its first datagram on. */
export interface RequestFacts {
  readonly request: RequestPacket;
  /** What was served: the request's path, or what is left of it without rubbish behind. */
  readonly path: string;
  readonly requester: Requester;
  readonly clientPort: number;
  /** Since the request came, in milliseconds. */
  readonly ms: number;
}

/** An event of this room before it gets its time. */
export type Unstamped = Omit<BootEvent, 'at' | 'kind'> & { readonly kind: keyof typeof LOG_LEVELS };

/** The part of a pino logger used here. */
export interface TftpLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The highest number a block has before numbers roll over. */
const LAST_NUMBER = 65_535;

/** A probe and an absent file are everyday life: a ROM asks for a dozen names before it finds its own. */
export const LOG_LEVELS = {
  'tftp.done': 'info',
  'tftp.probe': 'debug',
  'tftp.absent': 'debug',
  'tftp.refused': 'warn',
  'tftp.aborted': 'info',
  'tftp.failed': 'warn',
  'server.warning': 'warn',
} as const satisfies Partial<Record<EventKind, keyof TftpLog>>;

/** Stores an event and says it in the log. */
export function announcer(to: {
  readonly record: RecordEvent;
  readonly log: TftpLog;
  now(): number;
}): (event: Unstamped) => void {
  return (event) => {
    to.record({ at: to.now(), ...event });
    const { kind, summary, ip, mac, host, bytes, ms } = event;
    to.log[LOG_LEVELS[kind]]({ kind, ip, mac, host, bytes, ms }, `TFTP: ${summary}`);
  };
}

/** A request that never became a transfer. */
export function eventOfDenial(
  kind: 'tftp.absent' | 'tftp.refused' | 'tftp.failed' | 'tftp.aborted',
  reason: string,
  facts: RequestFacts,
): Unstamped {
  return { ...commonOf(kind, `${facts.path}: ${reason}`, facts), detail: askedOf(facts) };
}

export function eventOfTransfer(
  outcome: SendOutcome,
  facts: RequestFacts,
  content: Pick<OpenContent, 'origin' | 'host'>,
  transfer: Pick<Transfer, 'negotiation' | 'progress'>,
): Unstamped {
  return eventOfEnd(outcome, describe(outcome, facts, transfer.progress()), facts, content, transfer);
}

/** @param stored what lies on the disk now, after `done` */
export function eventOfUpload(
  outcome: ReceiveOutcome,
  facts: RequestFacts,
  upload: Pick<OpenedUpload, 'origin' | 'host'>,
  transfer: Pick<Transfer, 'negotiation' | 'progress'>,
  stored: Stored | undefined,
): Unstamped {
  const described = describeUpload(outcome, facts, transfer.progress(), stored);
  const event = eventOfEnd(outcome, described, facts, upload, transfer);
  if (!stored) return event;
  const { id, file, sha256, unchanged } = stored;
  return { ...event, bytes: stored.size, detail: { ...event.detail, upload: id, file, sha256, unchanged } };
}

function eventOfEnd(
  outcome: SendOutcome | ReceiveOutcome,
  { kind, summary }: Pick<Unstamped, 'kind' | 'summary'>,
  facts: RequestFacts,
  content: Pick<OpenContent, 'origin' | 'host'>,
  transfer: Pick<Transfer, 'negotiation' | 'progress'>,
): Unstamped {
  const progress = transfer.progress();
  const { accepted, parameters } = transfer.negotiation;
  return {
    ...commonOf(kind, summary, facts),
    bytes: progress.bytes,
    ...(content.host !== undefined && { host: content.host }),
    detail: {
      ...askedOf(facts),
      outcome: outcome.kind,
      origin: content.origin,
      granted: Object.fromEntries(accepted),
      blksize: parameters.blksize,
      windowsize: parameters.windowsize,
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
): { kind: Unstamped['kind']; summary: string } {
  const { path } = facts;
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
        summary: `${path}: the client ended it after ${progress.bytes} bytes${said(outcome.text)}${rolledOver(progress)}`,
      };
    case 'silent':
      return {
        kind: 'tftp.failed',
        summary: outcome.answered
          ? `${path}: the client fell silent after ${progress.bytes} bytes${rolledOver(progress)}`
          : `${path}: the client never answered; does something on the way drop our replies?`,
      };
    case 'failed':
      return { kind: 'tftp.failed', summary: `${path}: ${outcome.text}` };
    default:
      return outcome satisfies never;
  }
}

/** Where block numbers start again some clients stop: the Raspberry Pi's loader, old ROMs. */
function rolledOver({ blocks }: TransferProgress): string {
  return blocks === LAST_NUMBER
    ? `, after block ${LAST_NUMBER}: it seems unable to count further; let it ask for larger blocks, or use HTTP`
    : '';
}

function describeUpload(
  outcome: ReceiveOutcome,
  facts: RequestFacts,
  { bytes }: TransferProgress,
  stored: Stored | undefined,
): Pick<Unstamped, 'kind' | 'summary'> {
  const { path } = facts;
  switch (outcome.kind) {
    case 'done': {
      const where = stored?.unchanged ? `the same as ${stored.file}` : `stored as ${stored?.file}`;
      return { kind: 'tftp.done', summary: `${path}: ${bytes} bytes in ${Math.round(facts.ms)} ms, ${where}` };
    }
    case 'aborted':
      return {
        kind: 'tftp.aborted',
        summary: `${path}: the client ended its upload after ${bytes} bytes${said(outcome.text)}`,
      };
    case 'silent':
      return {
        kind: 'tftp.failed',
        summary: outcome.answered
          ? `${path}: the client fell silent after ${bytes} bytes of its upload`
          : `${path}: the client asked to upload and sent nothing; does something on the way drop our replies?`,
      };
    case 'failed':
      return { kind: 'tftp.failed', summary: `${path}: ${outcome.text}` };
    default:
      return outcome satisfies never;
  }
}

function commonOf(kind: Unstamped['kind'], summary: string, facts: RequestFacts): Unstamped {
  const { mac, ip } = facts.requester;
  return { kind, summary, ip, ...(mac && { mac }), path: facts.path, ms: Math.round(facts.ms * 100) / 100 };
}

function askedOf(facts: RequestFacts): Record<string, unknown> {
  const { mode, options, path, repeated } = facts.request;
  return {
    localAddress: facts.requester.localAddress,
    clientPort: facts.clientPort,
    direction: facts.request.kind === 'wrq' ? 'write' : 'read',
    mode,
    ...(path !== facts.path && { askedPath: path }),
    asked: Object.fromEntries(options),
    ...(repeated.length > 0 && { repeated }),
  };
}

/** The client's own words, quoted, without what would spoil a line. */
function said(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?').slice(0, 100);
  return clean === '' ? '' : ` ("${clean}")`;
}

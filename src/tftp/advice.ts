/** What to tell the operator of transfers that fail the same way again and again, and of files too long for a client. */
import { isOfVendor } from '../net/vendors.ts';
import type { RequestFacts, Unstamped } from './report.ts';
import type { SendOutcome } from './send.ts';
import type { Transfer } from './transfer.ts';

export interface Advisor {
  /** Warnings for the operator, mostly none. `size` is the content's in bytes. */
  observe(
    outcome: SendOutcome,
    facts: RequestFacts,
    size: number,
    transfer: Pick<Transfer, 'negotiation' | 'progress'>,
  ): readonly Unstamped[];
}

interface Trouble {
  readonly stage: Stage;
  times: number;
}

/** Where a transfer ended: its options were never taken, the first block never came through, or later. */
type Stage = 'options' | 'first-block' | 'middle' | 'rollover';

/** The same end so often in a row is no accident. */
const REPEATED = 3;
/** Clients and files remembered; the one that was quiet longest goes. */
const REMEMBERED = 1000;
const LAST_BLOCK_NUMBER = 65_535;

export function createAdvisor(): Advisor {
  /** By client and path. */
  const troubles = new Map<string, Trouble>();

  function count(key: string, stage: Stage): number {
    const before = troubles.get(key);
    const trouble = before?.stage === stage ? before : { stage, times: 0 };
    trouble.times++;
    troubles.delete(key);
    troubles.set(key, trouble);
    const oldest = troubles.size > REMEMBERED ? troubles.keys().next().value : undefined;
    if (oldest !== undefined) troubles.delete(oldest);
    return trouble.times;
  }

  return {
    observe(outcome, facts, size, transfer) {
      const { mac, ip } = facts.requester;
      const key = `${mac ?? ip} ${facts.path}`;
      const tooLong = warnOfLength(outcome, facts, size, transfer);
      const stage = stageOf(outcome, transfer);
      if (!stage) {
        troubles.delete(key);
        return tooLong;
      }
      // A probe is followed by the real request, which clears it; only one that never is counts up.
      if (count(key, stage) !== REPEATED) return tooLong;
      const suggestion = suggest(stage, facts, transfer);
      return suggestion === undefined ? tooLong : [...tooLong, warning(suggestion, facts, { stage, times: REPEATED })];
    },
  };
}

function stageOf(outcome: SendOutcome, { negotiation, progress }: Pick<Transfer, 'negotiation' | 'progress'>) {
  const { answered, blocks } = progress();
  switch (outcome.kind) {
    case 'done':
    case 'unconfirmed':
    case 'failed':
      return undefined;
    case 'probe':
      // Some only ever want the size.
      return [...negotiation.accepted.keys()].every((name) => name === 'tsize') ? undefined : 'options';
    case 'aborted':
    case 'silent':
      if (negotiation.accepted.size > 0 && !answered) return 'options';
      if (blocks === 0) return 'first-block';
      return blocks >= LAST_BLOCK_NUMBER - 1 && blocks <= LAST_BLOCK_NUMBER + 1 ? 'rollover' : 'middle';
    default:
      return outcome satisfies never;
  }
}

/** The row of settings that may help; undefined when nothing of ours is left to change. */
function suggest(
  stage: Stage,
  facts: RequestFacts,
  { negotiation }: Pick<Transfer, 'negotiation'>,
): string | undefined {
  const { accepted, parameters } = negotiation;
  const row = (setting: string) => {
    const { mac, ip } = facts.requester;
    return `try in tftp.clients: {${mac ? `macs: ['${mac}']` : `networks: ['${ip}']`}, ${setting}}`;
  };
  const smaller = parameters.blksize > 1024 ? 'blksizeMax: 1024' : 'blksizeMax: 512';
  switch (stage) {
    case 'options': {
      const names = [...accepted.keys()].filter((name) => name !== 'tsize');
      const disable = names.length > 0 ? names : [...accepted.keys()];
      return `it never took our answer to its options; ${row(`disable: [${disable.join(', ')}]`)}`;
    }
    case 'first-block':
      if (parameters.blksize <= 512) return undefined;
      return `blocks of ${parameters.blksize} bytes do not come through; ${row(smaller)}`;
    case 'middle':
      if (parameters.windowsize > 1) {
        return `it ends in the middle with a window of ${parameters.windowsize}; ${row('windowsizeMax: 1')}`;
      }
      if (parameters.blksize <= 512) return undefined;
      return `it ends in the middle with blocks of ${parameters.blksize}; ${row(smaller)}`;
    case 'rollover':
      return `it ends where block numbers begin anew; ${row(`rollover: ${parameters.rollover === 0 ? 1 : 0}`)}`;
    default:
      return stage satisfies never;
  }
}

/**
 * Block numbers end at 65535. Most clients go on with 0; Raspberry Pi's loader takes what it has for the whole file and
 * says nothing, so for it even a good end is worth a word.
 */
function warnOfLength(
  outcome: SendOutcome,
  facts: RequestFacts,
  size: number,
  { negotiation }: Pick<Transfer, 'negotiation'>,
): readonly Unstamped[] {
  const { blksize } = negotiation.parameters;
  const blocks = Math.floor(size / blksize) + 1;
  const { mac } = facts.requester;
  const cutsOff = mac !== undefined && isOfVendor(mac, 'raspberry-pi');
  const ended = outcome.kind === 'done' || outcome.kind === 'unconfirmed' || outcome.kind === 'probe';
  if (blocks <= LAST_BLOCK_NUMBER || (ended && !cutsOff) || negotiation.accepted.has('rollover')) return [];
  const needed = `the file needs ${blocks} blocks of ${blksize} bytes, and block numbers end at ${LAST_BLOCK_NUMBER}`;
  const known = cutsOff ? 'Raspberry Pi cuts it off there in silence' : 'not every client goes on with 0';
  return [
    warning(`${needed}: ${known}; make the file smaller or fetch it by HTTP`, facts, { stage: 'length', blocks }),
  ];
}

function warning(text: string, facts: RequestFacts, detail: Readonly<Record<string, unknown>>): Unstamped {
  const { mac, ip } = facts.requester;
  const { path } = facts;
  return { kind: 'server.warning', summary: `${path}: ${text}`, ip, ...(mac && { mac }), path, detail };
}

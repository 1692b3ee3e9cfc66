/** Why a boot stopped, from what was seen and what was not: a table of detectors, the first that fits speaks. Pure. */
import { type BootAttempt, type BootStep, rank } from './trace.ts';

/** `running`: something happened a moment ago. `local`: it was sent to its own disk. `booted`: as far as requests can show. */
export type BootOutcome = 'running' | 'local' | 'booted' | 'stopped';

export interface Diagnosis {
  readonly outcome: BootOutcome;
  /** Stable name of the detector that spoke. */
  readonly code: string;
  /** What was seen, in one sentence. */
  readonly says: string;
  /** What to look at; absent when all is well. */
  readonly advice?: string;
}

interface Detector {
  readonly code: string;
  readonly outcome: BootOutcome;
  /** What it says of this attempt; undefined when it does not fit. */
  says(attempt: BootAttempt, last: BootStep): string | undefined;
  readonly advice?: string;
}

/** Between two files a machine may compute; a kernel is written to memory, a menu waits for its timeout. */
const PATIENCE_MS = 45_000;

const count = ({ steps }: BootAttempt, kind: RegExp) => steps.filter(({ event }) => kind.test(event.kind)).length;
const has = (attempt: BootAttempt, kind: RegExp) => count(attempt, kind) > 0;
const reached = (attempt: BootAttempt, stage: Parameters<typeof rank>[0]) =>
  attempt.reached !== undefined && rank(attempt.reached) >= rank(stage);

const DETECTORS: readonly Detector[] = [
  {
    code: 'system-up',
    outcome: 'booted',
    says: (attempt) =>
      attempt.reached === 'system' && attempt.steps.some(({ stage }) => stage === 'kernel')
        ? 'its operating system asked for an address'
        : undefined,
  },
  {
    code: 'transfer-failed',
    outcome: 'stopped',
    says: (_attempt, { event }) =>
      /\.(?:failed|aborted)$/.test(event.kind) ? `the transfer of ${event.path} ended: ${event.summary}` : undefined,
    advice:
      'Repeated at the same size: a smaller block size (tftp.blksizeMax, tftp.clients) or the MTU on the way. Once: the machine was switched off.',
  },
  {
    code: 'file-refused',
    outcome: 'stopped',
    says: (_attempt, { event }) => (event.kind.endsWith('.refused') ? event.summary : undefined),
    advice: 'The reason says which rule refused it: the path, a rewrite with deny, or a deployment that has ended.',
  },
  {
    code: 'file-absent',
    outcome: 'stopped',
    says: (attempt, { event }) =>
      event.kind.endsWith('.absent') && !reached(attempt, 'kernel')
        ? `the last it asked for is not there: ${event.path}`
        : undefined,
    advice: '"hobnail route PATH" shows what the path leads to; a kernel or module goes under boot-images/.',
  },
  {
    code: 'no-answer',
    outcome: 'local',
    says: (attempt, { event }) =>
      event.kind === 'dhcp.ignored' && attempt.profile === undefined && !reached(attempt, 'loader')
        ? event.summary
        : undefined,
  },
  {
    code: 'offer-not-taken',
    outcome: 'stopped',
    says: (attempt) =>
      has(attempt, /^dhcp\.offer$/) && !has(attempt, /^dhcp\.ack$/) && !has(attempt, /^(?:tftp|http)\./)
        ? `${count(attempt, /^dhcp\.offer$/)} offers, none was taken`
        : undefined,
    advice:
      'Another DHCP server was quicker, or the answer does not reach the machine: look for a second server, for spanning tree that opens the port late, for the VLAN.',
  },
  {
    code: 'nothing-fetched',
    outcome: 'stopped',
    says: (attempt) =>
      attempt.profile !== undefined && has(attempt, /^dhcp\.(?:ack|offer)$/) && !has(attempt, /^(?:tftp|http)\./)
        ? 'it was told what to load and asked for nothing'
        : undefined,
    advice:
      'A firewall between them (UDP 69 and the ports of transfers, TCP 8080), another server that names another next-server, or firmware without network boot for this card.',
  },
  {
    code: 'loader-silent',
    outcome: 'stopped',
    says: (attempt) => (attempt.reached === 'loader' ? 'its loader was fetched, and then nothing' : undefined),
    advice:
      'Secure Boot refused the loader (use the signed GRUB); or, beside another DHCP server, the loader asks that one for its files: let it name Hobnail as next-server, or use iPXE.',
  },
  {
    code: 'ipxe-silent',
    outcome: 'stopped',
    says: (attempt) =>
      attempt.reached === 'ipxe' ? 'iPXE runs and has its address, and did not fetch its script' : undefined,
    advice: 'The machine reaches DHCP but not HTTP: look at TCP 8080 on the way, or at serverAddress of the network.',
  },
  {
    code: 'sent-to-disk',
    outcome: 'local',
    says: (attempt) =>
      attempt.profile === undefined && !reached(attempt, 'kernel') ? 'it was sent to its own disk' : undefined,
  },
  {
    code: 'script-only',
    outcome: 'stopped',
    says: (attempt) => (attempt.reached === 'script' ? 'it has its script, and fetched no kernel' : undefined),
    advice:
      'A menu may have taken its default, the local disk. Otherwise the script failed on the machine: "hobnail render HOST PATH" shows it, the console says why.',
  },
  {
    code: 'kernel-only',
    outcome: 'stopped',
    says: (attempt) =>
      attempt.reached === 'kernel' && attempt.steps.some(({ stage, good }) => stage === 'initrd' && !good)
        ? 'the kernel was fetched, its initrd was not'
        : undefined,
    advice: 'Look at the initrd paths of the profile.',
  },
  {
    code: 'files-fetched',
    outcome: 'booted',
    says: (attempt) => (reached(attempt, 'kernel') ? `everything up to the ${attempt.reached} was fetched` : undefined),
  },
];

/** @param now milliseconds since 1970 */
export function diagnose(attempt: BootAttempt, now: number): Diagnosis {
  const last = attempt.steps.at(-1);
  const isFresh = now - attempt.lastAt < PATIENCE_MS;
  for (const { code, outcome, says, advice } of last ? DETECTORS : []) {
    const words = last && says(attempt, last);
    if (words === undefined) continue;
    // What went wrong a moment ago may still be repeated by the machine.
    if (isFresh && outcome === 'stopped') break;
    return { outcome, code, says: words, ...(advice !== undefined && { advice }) };
  }
  if (isFresh)
    return { outcome: 'running', code: 'running', says: `it is at ${attempt.reached ?? 'its first question'}` };
  return { outcome: 'stopped', code: 'unknown', says: 'it stopped, and nothing says why' };
}

/** Machines that start again and again, by MAC: at least so many attempts begun within the window before `now`. */
export function findLoops(
  attempts: readonly BootAttempt[],
  now: number,
  boots = 4,
  windowMs = 900_000,
): ReadonlyMap<string, number> {
  const recent = attempts.filter(({ startedAt }) => now - startedAt < windowMs);
  const counts = Map.groupBy(recent, ({ mac }) => mac);
  return new Map([...counts].filter(([, list]) => list.length >= boots).map(([mac, list]) => [mac, list.length]));
}

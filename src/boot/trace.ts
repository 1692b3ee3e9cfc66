/** A boot attempt as a timeline: the events of one machine, grouped and named by the stage they show. Pure. */
import type { Mac } from '../net/mac.ts';
import type { StoredEvent } from './event.ts';
import { LOADER_FILES } from './loaders.ts';

/**
 * How far a boot has come, in the order a machine passes them. `firmware` asks by DHCP, `loader` is fetched, `ipxe` asks again,
 * `script` says what to do, `kernel` and `initrd` are fetched, `answer` files tell an installer, `system` asks for its address.
 */
export const BOOT_STAGES = ['firmware', 'loader', 'ipxe', 'script', 'kernel', 'initrd', 'answer', 'system'] as const;
export type BootStage = (typeof BOOT_STAGES)[number];

/** One thing that happened in an attempt. */
export interface BootStep {
  readonly stage: BootStage;
  readonly event: StoredEvent;
  /** False for refusals, failures, absent files. */
  readonly good: boolean;
}

export interface BootAttempt {
  /** Id of its first event. */
  readonly id: number;
  readonly mac: Mac;
  readonly host?: string | undefined;
  readonly profile?: string | undefined;
  readonly network?: string | undefined;
  /** Milliseconds since 1970, of the first and the last event. */
  readonly startedAt: number;
  readonly lastAt: number;
  /** The furthest that went well; undefined when nothing did. */
  readonly reached: BootStage | undefined;
  readonly steps: readonly BootStep[];
}

/** Firmware repeats itself for about a minute; after longer silence it is another try. */
const SILENCE_MS = 120_000;
/** A kernel of hundreds of megabytes takes its time, and an installer fetches its files much later. */
const LATE_SILENCE_MS = 600_000;

interface Open {
  mac: Mac;
  host?: string | undefined;
  profile?: string | undefined;
  network?: string | undefined;
  reached: BootStage | undefined;
  readonly steps: BootStep[];
}

/**
 * @param events in order of id
 * @returns the newest first. What only a running system asked (its address, say) is no boot and is left out
 */
export function traceBoots(events: readonly StoredEvent[]): readonly BootAttempt[] {
  const open = new Map<Mac, Open>();
  const byAddress = new Map<string, Mac>();
  const done: Open[] = [];
  for (const event of events) {
    const mac = event.mac ?? (event.ip === undefined ? undefined : byAddress.get(event.ip));
    const stage = stageOf(event);
    if (mac === undefined || stage === undefined) continue;
    if (event.ip !== undefined && event.kind.startsWith('dhcp.')) byAddress.set(event.ip, mac);
    let attempt = open.get(mac);
    if (!attempt || beginsAnew(attempt, stage, event)) {
      attempt = { mac, reached: undefined, steps: [] };
      open.set(mac, attempt);
      done.push(attempt);
    }
    add(attempt, stage, event);
  }
  return done.flatMap((attempt) => finished(attempt) ?? []).sort((a, b) => b.id - a.id);
}

/** The stage an event belongs to; undefined for those that are no part of a boot. */
export function stageOf({ kind, path, detail }: StoredEvent): BootStage | undefined {
  if (kind.startsWith('dhcp.')) {
    if (kind === 'dhcp.malformed' || kind === 'dhcp.release') return undefined;
    const client = detail?.client;
    return client === 'ipxe' ? 'ipxe' : client === 'pxe' || client === 'http' ? 'firmware' : 'system';
  }
  if (path === undefined || !/^(?:tftp|http)\./.test(kind)) return undefined;
  return stageOfPath(path, typeof detail?.origin === 'string' ? detail.origin : '');
}

const SCRIPT = /(?:^|\/)(?:pxelinux\.cfg\/|extlinux\/|grub\.cfg|boot\.scr)|\.ipxe$/i;
const LOADER = /\.(?:0|efi|kpxe|kkpxe|pxe|c32|mod|lst)(?:\.signed)?$/i;
const INITRD = /initrd|initramfs|\.(?:cpio|img|igz)(?:\.\w+)?$/i;
const KERNEL = /(?:^|\/)[^/]*(?:vmlinu[xz]|bzimage|kernel|linux|memtest)[^/]*$/i;

function stageOfPath(path: string, origin: string): BootStage {
  if (SCRIPT.test(path)) return 'script';
  if (origin.startsWith('template')) return 'answer';
  if (LOADER_FILES.some(({ image }) => path.endsWith(image)) || LOADER.test(path)) return 'loader';
  if (INITRD.test(path)) return 'initrd';
  if (KERNEL.test(path)) return 'kernel';
  return 'answer';
}

/** A failed transfer, a refusal, a file that is not there, a NAK. Size probes are as good as transfers: they are meant so. */
export function isGood({ kind }: Pick<StoredEvent, 'kind'>): boolean {
  return /\.(?:offer|ack|done|probe|seen)$/.test(kind);
}

function beginsAnew({ reached, steps }: Open, stage: BootStage, event: StoredEvent): boolean {
  const last = steps.at(-1);
  if (!last) return false;
  const silence = event.at - last.event.at;
  const far = reached !== undefined && rank(reached) >= rank('script');
  if (silence > (far ? LATE_SILENCE_MS : SILENCE_MS)) return true;
  // Firmware does not ask again once its loader runs: the machine was started anew.
  return stage === 'firmware' && reached !== undefined && rank(reached) > rank('firmware') && last.stage !== 'firmware';
}

function add(attempt: Open, stage: BootStage, event: StoredEvent): void {
  const good = isGood(event);
  attempt.steps.push({ stage, event, good });
  attempt.host = event.host ?? attempt.host;
  attempt.network = event.network ?? attempt.network;
  // A later answer of DHCP says what it boots now, also that it is nothing any more.
  if (event.kind === 'dhcp.offer' || event.kind === 'dhcp.ack') attempt.profile = event.profile;
  else attempt.profile = event.profile ?? attempt.profile;
  if (good && (attempt.reached === undefined || rank(stage) > rank(attempt.reached))) attempt.reached = stage;
}

function finished({ mac, host, profile, network, reached, steps }: Open): BootAttempt | undefined {
  const [first] = steps;
  const last = steps.at(-1);
  if (!first || !last || steps.every(({ stage }) => stage === 'system')) return undefined;
  const { id, at: startedAt } = first.event;
  return { id, mac, host, profile, network, startedAt, lastAt: last.event.at, reached, steps };
}

export function rank(stage: BootStage): number {
  return BOOT_STAGES.indexOf(stage);
}

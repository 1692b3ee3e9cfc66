/**
 * Deployments: the permission to let a profile write to a host's disks. Assigned is not armed: without a deployment that
 * is armed, a destructive profile is never served. Pure: `step(deployment, event)` gives the next state and says what
 * must be on disk first.
 */
import type { Mac } from '../net/mac.ts';
import type { Vars } from './fields.ts';
import type { Profile } from './profile.ts';
import type { TemplateSet } from './template-set.ts';

/**
 * `draft` waits to be armed. `armed` may boot; `offered`, `loader`, `script`, `kernel` and `installing` tell how far the
 * boot under way has come, as far as requests show it. The others are ends.
 */
export const DEPLOYMENT_STATES = [
  'draft',
  'armed',
  'offered',
  'loader',
  'script',
  'kernel',
  'installing',
  'succeeded',
  'failed',
  'expired',
  'cancelled',
  'loop-tripped',
] as const;
export type DeploymentState = (typeof DEPLOYMENT_STATES)[number];

/** When an attempt is used up: as the answer file is handed out, or not before the machine calls back. */
export const SPEND_POINTS = ['answer', 'callback'] as const;
export type SpendPoint = (typeof SPEND_POINTS)[number];

/** One entry of the history: the state that was entered, when, why, and by which event. `at` in milliseconds since 1970. */
export interface DeploymentMove {
  readonly state: DeploymentState;
  readonly at: number;
  readonly reason: string;
  readonly event: DeploymentEvent['kind'] | 'create';
}

/** As it was when this was armed: later edits of files change nothing here. */
export interface Pinned {
  readonly profile: Profile;
  /** Of the machine it was made for: a host of that name with none of them is another machine. */
  readonly macs?: readonly Mac[];
  /** Hash of the texts of its templates; without one they are served as they are now. */
  readonly templates?: string;
}

export interface Deployment extends Pinned {
  readonly id: string;
  /** Name of the host. */
  readonly host: string;
  readonly state: DeploymentState;
  /** Boots that may install. */
  readonly attempts: number;
  readonly spent: number;
  readonly spendOn: SpendPoint;
  /** No attempt begins after it. Milliseconds since 1970. */
  readonly deadline: number;
  /** More than `boots` boots within `minutes` without an end trip the breaker. */
  readonly loop: { readonly boots: number; readonly minutes: number };
  /** The last layer of variables: they win over the host's. */
  readonly vars: Vars;
  /** Boots offered so far; tokens are made for one of them. */
  readonly boot: number;
  /** When the boots within the breaker's window began. */
  readonly bootsAt: readonly number[];
  readonly createdAt: number;
  readonly createdBy: string;
  /** Oldest first; only the newest are kept. */
  readonly history: readonly DeploymentMove[];
  /** What the machine sent with its last callback. */
  readonly log?: string;
}

/** What happens to a deployment. `by` names an operator. */
export type DeploymentEvent =
  /** `pinned` replaces what its draft was pinned to. */
  | { readonly kind: 'arm'; readonly at: number; readonly by: string; readonly pinned?: Pinned }
  /** A boot answer is about to be given to firmware or to iPXE. */
  | { readonly kind: 'offer'; readonly at: number; readonly to: 'firmware' | 'ipxe' }
  /** A file is about to be handed out. */
  | { readonly kind: 'loader' | 'script' | 'kernel'; readonly at: number; readonly path: string }
  | { readonly kind: 'answer'; readonly at: number; readonly path: string }
  | {
      readonly kind: 'callback';
      readonly at: number;
      readonly outcome: 'succeeded' | 'failed';
      readonly log?: string;
    }
  | {
      readonly kind: 'operator';
      readonly at: number;
      readonly outcome: 'succeeded' | 'failed' | 'cancelled';
      readonly by: string;
      readonly reason?: string;
    }
  | { readonly kind: 'time'; readonly at: number };

export interface DeploymentStep {
  /** The same object when nothing changed. */
  readonly deployment: Deployment;
  /** True when the change must be on disk before the answer that caused it leaves. */
  readonly durable: boolean;
}

export const DEPLOYMENT_DEFAULTS = {
  attempts: 1,
  deadlineMinutes: 240,
  spendOn: 'answer',
  loop: { boots: 4, minutes: 30 },
} as const satisfies {
  attempts: number;
  deadlineMinutes: number;
  spendOn: SpendPoint;
  loop: Deployment['loop'];
};

/** An installation that began in time may end this long after the deadline; then nobody waits for it any more. */
export const INSTALL_GRACE_MS = 6 * 3_600_000;
/** DISCOVERs of one boot repeat within this time (PXE waits up to 32 s between them). */
const SAME_BOOT_MS = 60_000;
const MOVES_KEPT = 50;

const ENDS: readonly DeploymentState[] = ['succeeded', 'failed', 'expired', 'cancelled', 'loop-tripped'];
/** In the order a boot passes them. */
const STAGES: readonly DeploymentState[] = ['armed', 'offered', 'loader', 'script', 'kernel', 'installing'];

export function hasEnded({ state }: Pick<Deployment, 'state'>): boolean {
  return ENDS.includes(state);
}

/** Whether a boot may be let in to the profile now: armed, and an attempt is left. */
export function mayBoot({ state, spent, attempts }: Deployment): boolean {
  return STAGES.includes(state) && spent < attempts;
}

/** Whether its answer files may be handed out: to a boot that is let in, and to the installation that is under way. */
export function mayAnswer(deployment: Deployment): boolean {
  return mayBoot(deployment) || deployment.state === 'installing';
}

/** Whether the host is still the machine that was armed: its name may have gone to another one. */
export function isFor({ macs }: Deployment, host: { readonly macs: readonly Mac[] }): boolean {
  return macs === undefined || macs.some((mac) => host.macs.includes(mac));
}

/** When the machine's tokens for it lose their worth. Milliseconds since 1970. */
export function endOf({ deadline }: Deployment): number {
  return deadline + INSTALL_GRACE_MS;
}

/** A draft. @param order what the operator asked for, complete */
export function draft(
  order: Pick<
    Deployment,
    | 'id'
    | 'host'
    | 'macs'
    | 'profile'
    | 'templates'
    | 'attempts'
    | 'spendOn'
    | 'deadline'
    | 'loop'
    | 'vars'
    | 'createdAt'
    | 'createdBy'
  >,
): Deployment {
  const reason = `profile "${order.profile.name}" for host "${order.host}", by ${order.createdBy}`;
  return {
    ...order,
    state: 'draft',
    spent: 0,
    boot: 0,
    bootsAt: [],
    history: [{ state: 'draft', at: order.createdAt, reason, event: 'create' }],
  };
}

/** What an event makes of a deployment. Events that mean nothing in its state change nothing. */
export function step(deployment: Deployment, event: DeploymentEvent): DeploymentStep {
  const same = { deployment, durable: false };
  if (hasEnded(deployment)) return same;
  switch (event.kind) {
    case 'arm':
      if (deployment.state !== 'draft') return same;
      return durably(
        move({ ...deployment, ...event.pinned }, event, 'armed', `armed by ${event.by}: ${attemptsText(deployment)}`),
      );
    case 'offer':
      return mayBoot(deployment) ? offer(deployment, event) : same;
    case 'loader':
    case 'script':
    case 'kernel':
      if (!mayBoot(deployment) || !isLater(deployment.state, event.kind)) return same;
      return softly(move(deployment, event, event.kind, `${event.path} was fetched`));
    case 'answer':
      return mayAnswer(deployment) ? answer(deployment, event) : same;
    case 'callback':
      return deployment.state === 'draft' ? same : callback(deployment, event);
    case 'operator': {
      const { outcome, by, reason } = event;
      if (deployment.state === 'draft' && outcome !== 'cancelled') return same;
      return durably(move(deployment, event, outcome, `${outcome} by ${by}${reason ? `: ${reason}` : ''}`));
    }
    case 'time':
      return time(deployment, event);
    default:
      return event satisfies never;
  }
}

function offer(deployment: Deployment, event: DeploymentEvent & { kind: 'offer' }): DeploymentStep {
  if (!beginsBoot(deployment, event)) return { deployment, durable: false };
  const { loop } = deployment;
  const bootsAt = [...deployment.bootsAt.filter((at) => event.at - at < loop.minutes * 60_000), event.at];
  if (bootsAt.length > loop.boots) {
    const reason = `boot ${bootsAt.length} within ${loop.minutes} minutes, and no installation ended`;
    return durably(move({ ...deployment, bootsAt }, event, 'loop-tripped', reason));
  }
  const boot = deployment.boot + 1;
  const to = event.to === 'ipxe' ? 'iPXE' : 'its firmware';
  return softly(move({ ...deployment, boot, bootsAt }, event, 'offered', `boot ${boot}: ${to} gets an answer`));
}

/** iPXE asks a second time within one boot, and a DISCOVER is repeated until it is answered. */
function beginsBoot({ state, bootsAt }: Deployment, { at, to }: DeploymentEvent & { kind: 'offer' }): boolean {
  if (state === 'armed') return true;
  const recent = at - (bootsAt.at(-1) ?? 0) < SAME_BOOT_MS;
  if (to === 'firmware') return !(state === 'offered' && recent);
  return !(state === 'offered' || state === 'loader' || (state === 'script' && recent));
}

function answer(deployment: Deployment, event: DeploymentEvent & { kind: 'answer' }): DeploymentStep {
  // Installers ask for several files, and for some of them twice: one installation, one attempt.
  if (deployment.state === 'installing') return { deployment, durable: false };
  const spends = deployment.spendOn === 'answer';
  const spent = deployment.spent + (spends ? 1 : 0);
  const reason = spends
    ? `${event.path} is handed out: attempt ${spent} of ${deployment.attempts}`
    : `${event.path} is handed out`;
  return durably(move({ ...deployment, spent }, event, 'installing', reason));
}

function callback(deployment: Deployment, event: DeploymentEvent & { kind: 'callback' }): DeploymentStep {
  const spends = deployment.spendOn === 'callback';
  const spent = Math.min(deployment.attempts, deployment.spent + (spends ? 1 : 0));
  const told: Deployment = { ...deployment, spent, ...(event.log !== undefined && { log: event.log }) };
  if (event.outcome === 'succeeded') return durably(move(told, event, 'succeeded', 'the machine called back: success'));
  const reason = `the machine called back: failure, ${spent} of ${told.attempts} attempts used`;
  const again = spent < told.attempts && event.at < told.deadline;
  return durably(move(told, event, again ? 'armed' : 'failed', reason));
}

function time(deployment: Deployment, event: DeploymentEvent & { kind: 'time' }): DeploymentStep {
  const running = deployment.state === 'installing';
  if (event.at < (running ? endOf(deployment) : deployment.deadline)) return { deployment, durable: false };
  const reason = running ? 'the installation never called back' : 'nobody used it before its deadline';
  return durably(move(deployment, event, 'expired', reason));
}

function isLater(state: DeploymentState, than: DeploymentState): boolean {
  return STAGES.indexOf(than) > STAGES.indexOf(state);
}

function move(
  deployment: Deployment,
  { kind, at }: DeploymentEvent,
  state: DeploymentState,
  reason: string,
): Deployment {
  const history = [...deployment.history, { state, at, reason, event: kind }].slice(-MOVES_KEPT);
  return { ...deployment, state, history };
}

function durably(deployment: Deployment): DeploymentStep {
  return { deployment, durable: true };
}

function softly(deployment: Deployment): DeploymentStep {
  return { deployment, durable: false };
}

function attemptsText({ attempts, spendOn }: Deployment): string {
  const point = spendOn === 'answer' ? 'when its answer file is fetched' : 'when the machine calls back';
  return `${attempts} attempt${attempts === 1 ? '' : 's'}, spent ${point}`;
}

/** The deployment of a host that has not ended, if any; what is found may change from call to call. */
export interface DeploymentIndex {
  find(host: string): Deployment | undefined;
  /** The texts it is pinned to. */
  templatesOf?(deployment: Pinned): TemplateSet | undefined;
}

export const NO_DEPLOYMENTS: DeploymentIndex = { find: () => undefined };

/** Keeps deployments: applies what happens to the pure state machine, writes it down first where that is due. */
import {
  type Deployment,
  type DeploymentEvent,
  type DeploymentIndex,
  endOf,
  hasEnded,
  step,
} from './boot/deployment.ts';
import type { RecordEvent } from './boot/event.ts';
import type { TemplateSet } from './boot/template-set.ts';
import { type ArmingFiles, makeDraft, pin } from './deployments/order.ts';
import { createTokenMaker } from './deployments/tokens.ts';
import { AppError, messageOf } from './errors.ts';
import type { DeploymentAccess } from './http/api-deps.ts';
import type { DeploymentStore } from './store/deployments.ts';

export interface DeploymentsDeps {
  readonly store: DeploymentStore;
  /** Signs tokens; the same after a restart. */
  readonly key: Uint8Array;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly record: RecordEvent;
  readonly log: { warn(fields: object, text: string): void; error(fields: object, text: string): void };
}

/** What a verified token stands for. */
export interface TokenClaim {
  readonly deployment: Deployment;
  /** Which of its boots the token was made for. */
  readonly boot: number;
}

export interface Deployments extends Required<DeploymentIndex> {
  /** The operator's side; needs the files as they are at that moment. */
  access(files: ArmingFiles): DeploymentAccess;
  /** Something was seen that changes no permission. Returns at once; written within a quarter of a second. */
  notice(host: string, event: DeploymentEvent): void;
  /**
   * The same for what may: resolves when it is on disk, to the deployment as it is then.
   * @throws AppError `store-failed`, `disk-full`; then the answer must not leave
   */
  apply(id: string, event: DeploymentEvent): Promise<Deployment | undefined>;
  /** Good for the boot under way, until the deployment ends. */
  tokenOf(deployment: Deployment): string;
  /** Undefined for a token that is nobody's, or whose deployment has ended or begun another boot. */
  verify(token: string): TokenClaim | undefined;
  /**
   * The end as the machine tells it. A second word on one that has ended changes nothing and gets `deployment-ended`.
   * @throws AppError `not-found` for a token that is nobody's, `deployment-ended`, and what `apply` throws
   */
  callback(token: string, outcome: 'succeeded' | 'failed', log: string): Promise<Deployment>;
  /** A machine tells how far it is. @throws AppError `not-found` */
  beacon(token: string, word: string): Deployment;
  close(): Promise<void>;
}

const FLUSH_MS = 250;
const LOOK_MS = 30_000;

/** @throws what the store throws */
export async function createDeployments(deps: DeploymentsDeps): Promise<Deployments> {
  const { store, now, log } = deps;
  const byHost = new Map<string, Deployment>();
  const byId = new Map<string, Deployment>();
  /** Changed in memory, not yet on disk. */
  const dirty = new Map<string, Deployment>();
  let writing: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const keep = (deployment: Deployment) => {
    if (hasEnded(deployment)) {
      byHost.delete(deployment.host);
      byId.delete(deployment.id);
    } else {
      byHost.set(deployment.host, deployment);
      byId.set(deployment.id, deployment);
    }
  };
  for (const deployment of await store.loadActive()) keep(deployment);
  const sets = new Map((await store.loadTemplates()).map((set) => [set.hash, set]));

  /** One write at a time, so that an older state never lands on a newer one. What fails stays to be written. */
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const done = writing.then(async () => {
      const batch = [...dirty.values()];
      if (batch.length === 0) return;
      await store.save(batch);
      for (const deployment of batch) if (dirty.get(deployment.id) === deployment) dirty.delete(deployment.id);
    });
    writing = done.catch(() => undefined);
    return done;
  };
  const flushSoon = () => {
    timer ??= setTimeout(() => {
      flush().catch((error) => {
        log.warn({ error: messageOf(error) }, 'deployments cannot be stored; they wait in memory');
        flushSoon();
      });
    }, FLUSH_MS).unref();
  };

  /** Changes memory at once, so that nobody is let in twice; says what has to be awaited. */
  const change = (deployment: Deployment, event: DeploymentEvent): { next: Deployment; durable: boolean } => {
    const { deployment: next, durable } = step(deployment, event);
    if (next === deployment) return { next, durable: dirty.has(next.id) };
    keep(next);
    dirty.set(next.id, next);
    tell(deployment, next);
    return { next, durable };
  };

  const tell = (before: Deployment | undefined, after: Deployment) => {
    const last = after.history.at(-1);
    const moved = before ? `${before.state} → ${after.state}` : after.state;
    deps.record({
      at: now(),
      kind: 'deployment.moved',
      summary: `${moved}: ${last?.reason ?? ''}`,
      host: after.host,
      profile: after.profile.name,
      detail: { deployment: after.id, state: after.state, spent: after.spent, attempts: after.attempts },
    });
  };

  const find = (host: string): Deployment | undefined => {
    const deployment = byHost.get(host);
    if (!deployment) return undefined;
    // A deadline holds at the moment of the decision, whether or not a timer has run.
    const { next } = change(deployment, { kind: 'time', at: now() });
    if (next !== deployment) flushSoon();
    return hasEnded(next) ? undefined : next;
  };

  const apply = async (id: string, event: DeploymentEvent): Promise<Deployment | undefined> => {
    const deployment = byId.get(id);
    if (!deployment) return undefined;
    const { next, durable } = change(deployment, event);
    if (!durable) {
      if (next !== deployment) flushSoon();
      return next;
    }
    try {
      await flush();
    } catch (error) {
      // Memory stays on the safe side; the disk follows as soon as it can.
      flushSoon();
      throw error;
    }
    return next;
  };

  /**
   * What is new is on disk before it holds: a permission that could not be written was never given.
   * @param refuse throws when it is not wanted any more, at the last moment
   */
  const storeFirst = async (made: Deployment, templates: TemplateSet | undefined, refuse?: () => void) => {
    // What ended a moment ago must be out of the way on disk as well.
    await flush();
    const done = writing.then(async () => {
      refuse?.();
      await store.save([made], templates);
    });
    writing = done.catch(() => undefined);
    await done;
    if (templates) sets.set(templates.hash, templates);
  };

  const add = async (deployment: Deployment, templates: TemplateSet | undefined): Promise<Deployment> => {
    const other = find(deployment.host);
    if (other) {
      const advice = 'Cancel it first, or wait for its end.';
      throw new AppError(
        'already-exists',
        `Host "${deployment.host}" has deployment ${other.id} (${other.state}). ${advice}`,
      );
    }
    await storeFirst(deployment, templates);
    keep(deployment);
    tell(undefined, deployment);
    return deployment;
  };

  const armStored = async (found: Deployment, templates: TemplateSet | undefined, event: DeploymentEvent) => {
    const { deployment: armed } = step(found, event);
    const hasMoved = () => byId.get(found.id) !== found;
    await storeFirst(armed, templates, () => {
      if (hasMoved()) throw new AppError('revision-stale', `Deployment ${found.id} has changed meanwhile. Look again.`);
    });
    // Cancelled while this was being written: that word is the last, and is written after it.
    if (hasMoved()) {
      await flush();
      throw ended(await existing(found.id));
    }
    keep(armed);
    tell(found, armed);
    return armed;
  };

  const tokens = createTokenMaker(deps.key);

  /** Of any boot of it: what was installed may call back from its own first start. */
  const holder = (token: string): TokenClaim | undefined => {
    const said = tokens.read(token);
    const deployment = said && byId.get(said.id);
    if (!said || !deployment || !tokens.isGood(deployment, said) || now() >= endOf(deployment)) return undefined;
    return { deployment, boot: said.boot };
  };

  const existing = async (id: string): Promise<Deployment> => {
    const found = byId.get(id) ?? dirty.get(id) ?? (await store.get(id));
    if (!found) throw new AppError('not-found', `There is no deployment "${id}".`);
    return found;
  };
  const ended = ({ id, state }: Deployment) =>
    new AppError('deployment-ended', `Deployment ${id} is ${state} already. Arm the host again for another attempt.`);

  const access = (files: ArmingFiles): DeploymentAccess => ({
    list: async (query) => {
      await flush();
      return store.list(query);
    },
    get: existing,
    find,
    arm: async (order, by) => {
      const { pinned, templates } = await pin(files, order);
      const made = makeDraft(order, pinned, by, now());
      if (order.draft) return add(made, templates);
      return add(step(made, { kind: 'arm', at: now(), by }).deployment, templates);
    },
    armDraft: async (id, by) => {
      const found = await existing(id);
      if (found.state !== 'draft') throw hasEnded(found) ? ended(found) : alreadyArmed(found);
      const { host, profile, vars, spendOn } = found;
      const { pinned, templates } = await pin(files, { host, profile: profile.name, vars, spendOn });
      return armStored(found, templates, { kind: 'arm', at: now(), by, pinned });
    },
    finish: async (id, outcome, by, reason) => {
      const found = await existing(id);
      if (hasEnded(found)) throw ended(found);
      const event = { kind: 'operator', at: now(), outcome, by, ...(reason && { reason }) } as const;
      const done = await apply(id, event).catch((error: unknown) => {
        throw unwritten(found, outcome, error);
      });
      if (!done || !hasEnded(done)) throw new AppError('request-invalid', 'A draft can only be cancelled.');
      return done;
    },
  });

  const look = setInterval(() => {
    for (const host of [...byHost.keys()]) find(host);
  }, LOOK_MS).unref();

  return {
    find,
    templatesOf: ({ templates }) => (templates === undefined ? undefined : sets.get(templates)),
    access,
    notice(host, event) {
      const deployment = find(host);
      if (!deployment) return;
      const { next } = change(deployment, event);
      if (next !== deployment) flushSoon();
    },
    apply,
    tokenOf: tokens.tokenOf,
    verify(token) {
      const claim = holder(token);
      // After `kill -9` the number on disk may be behind: a later boot's token is good, an earlier one's is not.
      return claim && claim.boot >= claim.deployment.boot ? claim : undefined;
    },
    async callback(token, outcome, text) {
      const claim = holder(token);
      if (!claim) {
        const said = tokens.read(token);
        const past = said && (await store.get(said.id));
        if (said && past && tokens.isGood(past, said)) throw ended(past);
        throw new AppError('not-found', 'The token is no deployment’s.');
      }
      const event = { kind: 'callback', at: now(), outcome, ...(text !== '' && { log: text }) } as const;
      return (await apply(claim.deployment.id, event)) ?? claim.deployment;
    },
    beacon(token, word) {
      const claim = holder(token);
      if (!claim) throw new AppError('not-found', 'The token is no deployment’s.');
      const { host, profile, id } = claim.deployment;
      const detail = { deployment: id, word };
      const summary = `the machine says "${word}"`;
      deps.record({ at: now(), kind: 'deployment.beacon', summary, host, profile: profile.name, detail });
      return claim.deployment;
    },
    async close() {
      clearInterval(look);
      await flush().catch((error) => log.error({ error: messageOf(error) }, 'deployments could not be stored'));
    },
  };
}

function alreadyArmed({ id, state }: Deployment): AppError {
  return new AppError('already-exists', `Deployment ${id} is ${state} already.`);
}

/** It holds in memory: no machine is let in. After a restart the disk would have the last word. */
function unwritten({ id, state }: Deployment, outcome: string, error: unknown): Error {
  if (!(error instanceof AppError)) return error instanceof Error ? error : new Error(String(error));
  const words = `Deployment ${id} is ${outcome}, but on disk it is still ${state}: ${error.message}`;
  const advice = 'Writing it is tried again until it works; a restart before that would bring it back.';
  return new AppError(error.code, `${words} ${advice}`, { cause: error });
}

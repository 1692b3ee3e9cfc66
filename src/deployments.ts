/** Keeps deployments: applies what happens to the pure state machine, writes it down first where that is due, makes tokens. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Armable, findArmable, hasOwnAnswer } from './boot/arm.ts';
import type { Catalog } from './boot/catalog.ts';
import {
  DEPLOYMENT_DEFAULTS,
  type Deployment,
  type DeploymentEvent,
  type DeploymentIndex,
  draft,
  endOf,
  hasEnded,
  mayAnswer,
  step,
} from './boot/deployment.ts';
import type { RecordEvent } from './boot/event.ts';
import { LOADER_FILES } from './boot/loaders.ts';
import { normalizePath, type ResolveRequester } from './boot/resolve.ts';
import { AppError, messageOf, type Problem } from './errors.ts';
import type { DeploymentDesk } from './files/read.ts';
import type { ArmOrder, DeploymentAccess } from './http/api-deps.ts';
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

export interface Deployments extends DeploymentIndex {
  /** The operator's side; needs the catalog as it is at that moment. */
  access(snapshot: () => Catalog, check: CheckParams): DeploymentAccess;
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

/** What is wrong with a profile's parameters for a machine. */
export type CheckParams = (
  profile: Deployment['profile'],
  vars: Readonly<Record<string, unknown>>,
) => readonly Pick<Problem, 'path' | 'message'>[];

const FLUSH_MS = 250;
const LOOK_MS = 30_000;
/** The deployment's id, the boot's number, and 192 bits of a keyed hash. */
const TOKEN = /^([0-9a-z]{9}-[0-9a-f]{8})_([0-9a-z]{1,6})_([A-Za-z0-9_-]{32})$/;

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
    if (durable) await flush();
    else if (next !== deployment) flushSoon();
    return next;
  };

  const add = async (deployment: Deployment): Promise<Deployment> => {
    const other = find(deployment.host);
    if (other) {
      const advice = 'Cancel it first, or wait for its end.';
      throw new AppError(
        'already-exists',
        `Host "${deployment.host}" has deployment ${other.id} (${other.state}). ${advice}`,
      );
    }
    // A deployment that expired a moment ago must be out of the way on disk as well.
    await flush();
    await store.save([deployment]);
    keep(deployment);
    tell(undefined, deployment);
    return deployment;
  };

  const sign = ({ id, host, deadline }: Deployment, boot: number): string =>
    createHmac('sha256', deps.key).update(`${id} ${boot} ${host} ${deadline}`).digest('base64url').slice(0, 32);

  const read = (token: string): { readonly id: string; readonly boot: number; readonly hash: string } | undefined => {
    const [, id, boot, hash] = TOKEN.exec(token) ?? [];
    return id && boot && hash ? { id, boot: Number.parseInt(boot, 36), hash } : undefined;
  };
  const isGood = (deployment: Deployment, boot: number, hash: string) =>
    timingSafeEqual(Buffer.from(sign(deployment, boot)), Buffer.from(hash));

  /** Of any boot of it: what was installed may call back from its own first start. */
  const holder = (token: string): TokenClaim | undefined => {
    const said = read(token);
    const deployment = said && byId.get(said.id);
    if (!said || !deployment || !isGood(deployment, said.boot, said.hash) || now() >= endOf(deployment))
      return undefined;
    return { deployment, boot: said.boot };
  };

  const existing = async (id: string): Promise<Deployment> => {
    const found = byId.get(id) ?? dirty.get(id) ?? (await store.get(id));
    if (!found) throw new AppError('not-found', `There is no deployment "${id}".`);
    return found;
  };
  const ended = ({ id, state }: Deployment) =>
    new AppError('deployment-ended', `Deployment ${id} is ${state} already. Arm the host again for another attempt.`);

  const access = (snapshot: () => Catalog, check: CheckParams): DeploymentAccess => ({
    list: async (query) => {
      await flush();
      return store.list(query);
    },
    get: existing,
    find,
    arm: async (order, by) => {
      const made = makeDraft(snapshot(), order, by, now(), check);
      if (order.draft) return add(made);
      return add(step(made, { kind: 'arm', at: now(), by }).deployment);
    },
    armDraft: async (id, by) => {
      const found = await existing(id);
      if (found.state !== 'draft') throw hasEnded(found) ? ended(found) : alreadyArmed(found);
      return (await apply(id, { kind: 'arm', at: now(), by })) ?? found;
    },
    finish: async (id, outcome, by, reason) => {
      const found = await existing(id);
      if (hasEnded(found)) throw ended(found);
      const event = { kind: 'operator', at: now(), outcome, by, ...(reason && { reason }) } as const;
      const done = await apply(id, event);
      if (!done || !hasEnded(done)) throw new AppError('request-invalid', 'A draft can only be cancelled.');
      return done;
    },
  });

  const look = setInterval(() => {
    for (const host of [...byHost.keys()]) find(host);
  }, LOOK_MS).unref();

  return {
    find,
    access,
    notice(host, event) {
      const deployment = find(host);
      if (!deployment) return;
      const { next } = change(deployment, event);
      if (next !== deployment) flushSoon();
    },
    apply,
    tokenOf: (deployment) => `${deployment.id}_${deployment.boot.toString(36)}_${sign(deployment, deployment.boot)}`,
    verify(token) {
      const claim = holder(token);
      // After `kill -9` the number on disk may be behind: a later boot's token is good, an earlier one's is not.
      return claim && claim.boot >= claim.deployment.boot ? claim : undefined;
    },
    async callback(token, outcome, text) {
      const claim = holder(token);
      if (!claim) {
        const said = read(token);
        const past = said && (await store.get(said.id));
        if (said && past && isGood(past, said.boot, said.hash)) throw ended(past);
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

function makeDraft(catalog: Catalog, order: ArmOrder, by: string, at: number, check: CheckParams): Deployment {
  const { host, profile } = armable(catalog, order, check);
  const minutes = order.minutes ?? DEPLOYMENT_DEFAULTS.deadlineMinutes;
  return draft({
    id: `${at.toString(36).padStart(9, '0')}-${randomBytes(4).toString('hex')}`,
    host: host.name,
    macs: host.macs,
    profile,
    attempts: order.attempts ?? DEPLOYMENT_DEFAULTS.attempts,
    spendOn: order.spendOn ?? (hasOwnAnswer(profile) ? 'answer' : 'callback'),
    deadline: at + minutes * 60_000,
    loop: order.loop ?? DEPLOYMENT_DEFAULTS.loop,
    vars: order.vars ?? {},
    createdAt: at,
    createdBy: by,
  });
}

function armable(catalog: Catalog, order: ArmOrder, check: CheckParams): Extract<Armable, { kind: 'armable' }> {
  const found = findArmable(catalog, order);
  if (found.kind === 'absent') throw new AppError('not-found', found.reason);
  if (found.kind === 'refused') throw new AppError('deployment-refused', found.reason);
  const { host, profile, vars } = found;
  const faults = check(profile, vars);
  if (faults.length === 0) return found;
  const file = `vars of host "${host.name}"`;
  const problems = faults.map((fault): Problem => ({ severity: 'error', file, ...fault }));
  const said = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
  throw new AppError('deployment-refused', `Profile "${profile.name}" needs other values: ${said}.`, { problems });
}

/** The keeper as the reader of files needs it. */
export function createDeploymentDesk(deployments: Deployments, now: () => number): DeploymentDesk {
  return {
    hostOf: (token) => deployments.verify(token)?.deployment.host,
    tokenOf: deployments.tokenOf,
    async fetching(path, resource, requester, catalog) {
      if (resource.kind === 'image') return noticeImage(path, resource.image, requester, catalog);
      if (resource.kind !== 'template' || resource.assignment.kind !== 'profile') return;
      const { deployment } = resource.assignment;
      if (!deployment) return;
      if (resource.stage === 'script') {
        deployments.notice(deployment.host, { kind: 'script', at: now(), path });
        return;
      }
      const after = await deployments.apply(deployment.id, { kind: 'answer', at: now(), path });
      if (after && mayAnswer(after)) return;
      const state = after?.state ?? 'at its end';
      throw new AppError(
        'file-refused',
        `Deployment ${deployment.id} is ${state}: ${path} is not handed out any more.`,
      );
    },
  };

  /** Loaders and kernels name no machine: who asks is known by its lease, which is enough to follow a boot. */
  function noticeImage(path: string, image: string, { mac, tokenHost }: ResolveRequester, catalog: Catalog): void {
    const host = tokenHost ?? (mac && catalog.hostByMac.get(mac)?.name);
    const deployment = host === undefined ? undefined : deployments.find(host);
    if (!deployment) return;
    const { kernel } = deployment.profile;
    const isKernel = kernel !== undefined && [path, image].some((one) => normalizePath(kernel) === normalizePath(one));
    const isLoader = LOADER_FILES.some((file) => file.image === image);
    if (isKernel) deployments.notice(deployment.host, { kind: 'kernel', at: now(), path });
    else if (isLoader) deployments.notice(deployment.host, { kind: 'loader', at: now(), path });
  }
}

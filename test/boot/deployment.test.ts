/** Deployments as a state machine: what is let in, what it costs, and who may say that it succeeded. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEPLOYMENT_DEFAULTS,
  type Deployment,
  type DeploymentEvent,
  draft,
  hasEnded,
  INSTALL_GRACE_MS,
  mayAnswer,
  mayBoot,
  step,
} from '../../src/boot/deployment.ts';
import { profileOf } from '../support/catalogs.ts';

const MINUTE = 60_000;
const T0 = 1_700_000_000_000;
const profile = profileOf('debian', { kind: 'install', kernel: 'debian/linux' });

function order(more: Partial<Deployment> = {}): Deployment {
  return {
    ...draft({
      id: 'd1',
      host: 'web',
      profile,
      attempts: 1,
      spendOn: 'answer',
      deadline: T0 + 240 * MINUTE,
      loop: DEPLOYMENT_DEFAULTS.loop,
      vars: {},
      createdAt: T0,
      createdBy: 'ann',
    }),
    ...more,
  };
}

const run = (deployment: Deployment, ...events: readonly DeploymentEvent[]) =>
  events.reduce((at, event) => step(at, event).deployment, deployment);
const arm: DeploymentEvent = { kind: 'arm', at: T0, by: 'ann' };
const offer = (minute: number, to: 'firmware' | 'ipxe' = 'firmware'): DeploymentEvent => ({
  kind: 'offer',
  at: T0 + minute * MINUTE,
  to,
});
const fetched = (kind: 'loader' | 'script' | 'kernel' | 'answer', minute: number): DeploymentEvent => ({
  kind,
  at: T0 + minute * MINUTE,
  path: `the/${kind}`,
});
const callback = (minute: number, outcome: 'succeeded' | 'failed'): DeploymentEvent => ({
  kind: 'callback',
  at: T0 + minute * MINUTE,
  outcome,
});
const BOOT = [offer(1), fetched('loader', 1), offer(1, 'ipxe'), fetched('script', 1), fetched('kernel', 1)] as const;

describe('a deployment', () => {
  it('lets nothing in before it is armed', () => {
    const waiting = order();
    expect([waiting.state, mayBoot(waiting), mayAnswer(waiting)]).toEqual(['draft', false, false]);
    expect(run(waiting, ...BOOT, fetched('answer', 2), callback(3, 'succeeded'))).toBe(waiting);
  });

  it('passes every stage of a boot once, each with time, reason and event', () => {
    const { state, history, boot } = run(order(), arm, ...BOOT, fetched('answer', 2), callback(9, 'succeeded'));
    expect(history.map((move) => move.state)).toEqual([
      'draft',
      'armed',
      'offered',
      'loader',
      'script',
      'kernel',
      'installing',
      'succeeded',
    ]);
    expect([state, boot]).toEqual(['succeeded', 1]);
    for (const move of history)
      expect([move.at >= T0, move.reason === '', move.event]).toEqual([true, false, move.event]);
  });

  it('spends its attempt with the answer file, on disk before that leaves, and lets no other boot in', () => {
    const booted = run(order(), arm, ...BOOT);
    expect(mayBoot(booted)).toBe(true);
    const { deployment, durable } = step(booted, fetched('answer', 2));
    expect([durable, deployment.spent, mayBoot(deployment), mayAnswer(deployment)]).toEqual([true, 1, false, true]);
    expect(step(deployment, offer(20)).deployment).toBe(deployment);
    expect(step(deployment, fetched('answer', 3))).toEqual({ deployment, durable: false });
  });

  it('spends it with the callback where there is no answer file', () => {
    const booted = run(order({ spendOn: 'callback', attempts: 2 }), arm, ...BOOT);
    expect([booted.spent, mayBoot(booted)]).toEqual([0, true]);
    const failed = run(booted, callback(5, 'failed'));
    expect([failed.state, failed.spent]).toEqual(['armed', 1]);
    expect(run(failed, offer(6), callback(7, 'failed'))).toMatchObject({ state: 'failed', spent: 2 });
  });

  it('takes repeated DISCOVERs and the second stage of iPXE for one boot', () => {
    const booted = run(order(), arm, offer(1), offer(1.1), fetched('loader', 1.2), offer(1.3, 'ipxe'));
    expect([booted.boot, booted.state]).toEqual([1, 'loader']);
    expect(run(booted, offer(5)).boot).toBe(2);
  });

  it('trips the loop breaker when boot follows boot and none ends', () => {
    const boots = [1, 6, 11, 16].flatMap((minute) => [offer(minute), fetched('kernel', minute)]);
    const looping = run(order({ spendOn: 'callback', attempts: 9 }), arm, ...boots);
    expect([looping.state, looping.boot]).toEqual(['kernel', 4]);
    const { deployment, durable } = step(looping, offer(21));
    expect([deployment.state, durable, mayBoot(deployment)]).toEqual(['loop-tripped', true, false]);
    expect(run(looping, offer(60)).state).toBe('offered');
  });

  it('expires unused at its deadline; an installation under way has its grace', () => {
    const deadline: DeploymentEvent = { kind: 'time', at: T0 + 240 * MINUTE };
    expect(run(order(), arm, deadline).state).toBe('expired');
    const installing = run(order(), arm, ...BOOT, fetched('answer', 239));
    expect(run(installing, deadline).state).toBe('installing');
    expect(run(installing, { kind: 'time', at: deadline.at + INSTALL_GRACE_MS }).state).toBe('expired');
  });

  it('an operator may end it either way; an end is final', () => {
    for (const outcome of ['succeeded', 'failed', 'cancelled'] as const) {
      const ended = run(order(), arm, { kind: 'operator', at: T0, outcome, by: 'ann', reason: 'looked at it' });
      expect([ended.state, ended.history.at(-1)?.reason]).toEqual([outcome, `${outcome} by ann: looked at it`]);
      expect(run(ended, ...BOOT, callback(9, 'failed'), arm)).toBe(ended);
    }
  });
});

const minute = fc.integer({ min: 0, max: 900 });
const anyEvent: fc.Arbitrary<DeploymentEvent> = fc.oneof(
  fc.constant(arm),
  fc.tuple(minute, fc.constantFrom('firmware' as const, 'ipxe' as const)).map(([at, to]) => offer(at, to)),
  fc
    .tuple(fc.constantFrom('loader' as const, 'script' as const, 'kernel' as const, 'answer' as const), minute)
    .map(([kind, at]) => fetched(kind, at)),
  fc.tuple(minute, fc.constantFrom('succeeded' as const, 'failed' as const)).map(([at, to]) => callback(at, to)),
  minute.map((at): DeploymentEvent => ({ kind: 'time', at: T0 + at * MINUTE })),
);
const anyOrder = fc
  .record({
    attempts: fc.integer({ min: 1, max: 3 }),
    spendOn: fc.constantFrom('answer' as const, 'callback' as const),
  })
  .map(order);

describe('whatever happens', () => {
  it('never more attempts are spent than were granted, and nothing but callbacks and operators says succeeded', () => {
    fc.assert(
      fc.property(anyOrder, fc.array(anyEvent, { maxLength: 40 }), (start, events) => {
        let at = start;
        for (const event of events) {
          const { deployment, durable } = step(at, event);
          expect(deployment.spent).toBeLessThanOrEqual(deployment.attempts);
          expect(deployment.spent).toBeGreaterThanOrEqual(at.spent);
          // What gives or takes a permission is on disk first.
          if (deployment.spent !== at.spent || hasEnded(deployment) !== hasEnded(at)) expect(durable).toBe(true);
          if (deployment.state === 'succeeded' && at.state !== 'succeeded') expect(event.kind).toBe('callback');
          if (hasEnded(at)) expect(deployment).toBe(at);
          if (deployment.state === 'draft') expect(mayAnswer(deployment)).toBe(false);
          at = deployment;
        }
      }),
    );
  });

  it('a machine gets at most as many answer files for the first time as there are attempts', () => {
    fc.assert(
      fc.property(anyOrder, fc.array(anyEvent, { maxLength: 60 }), (start, events) => {
        let at = run({ ...start, spendOn: 'answer' }, arm);
        let installations = 0;
        for (const event of events) {
          const next = step(at, event).deployment;
          if (event.kind === 'answer' && next.state === 'installing' && at.state !== 'installing') installations++;
          at = next;
        }
        expect(installations).toBeLessThanOrEqual(start.attempts);
      }),
    );
  });
});

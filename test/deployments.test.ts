/** The keeper of deployments: what is on the disk when, what a token opens, what a restart remembers. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findArmable } from '../src/boot/arm.ts';
import { assign } from '../src/boot/decide.ts';
import type { Deployment } from '../src/boot/deployment.ts';
import { resolve } from '../src/boot/resolve.ts';
import type { TemplateSet } from '../src/boot/template-set.ts';
import { createDeploymentDesk } from '../src/deployments/desk.ts';
import { createDeployments } from '../src/deployments.ts';
import { AppError } from '../src/errors.ts';
import { checkParams } from '../src/files/params.ts';
import type { Mac } from '../src/net/mac.ts';
import { createStore } from '../src/store/store.ts';
import { catalogOf } from './support/catalogs.ts';

const T0 = 1_800_000_000_000;
const MINUTE = 60_000;
const log = { warn: () => undefined, error: () => undefined };
const catalog = catalogOf({
  hosts: {
    web: { macs: ['52:54:00:00:00:01'], profile: 'debian', vars: { disk: '/dev/vda' } },
    bare: { macs: ['52:54:00:00:00:02'] },
    shut: { macs: ['52:54:00:00:00:03'], profile: 'debian', policy: 'blocked' },
    diskless: { macs: ['52:54:00:00:00:04'], profile: 'debian' },
  },
  profiles: {
    debian: {
      kind: 'install',
      kernel: 'debian/linux',
      params: { properties: { disk: { type: 'string', pattern: '^/dev/' } }, required: ['disk'] },
      files: [{ path: 'preseed/:mac.cfg', template: 'preseed.hbs' }],
    },
    bios: { kind: 'install', kernel: 'flash/kernel' },
    // A script is no answer file, nor is an image.
    scripted: {
      kind: 'install',
      kernel: 'flash/kernel',
      files: [
        { path: 'menu/:mac.ipxe', template: 'menu.hbs', stage: 'script' },
        { path: 'flash/*rest', image: 'flash/*rest' },
      ],
    },
  },
});

async function open(file = ':memory:') {
  let now = T0;
  const store = await createStore({ file, now: () => now, log });
  const saved: string[] = [];
  const meddle: { failing: boolean; before?: () => Promise<void> } = { failing: false };
  let profiles = catalog;
  const watched = {
    ...store.deployments,
    save: async (all: readonly Deployment[], templates?: TemplateSet) => {
      await meddle.before?.();
      if (meddle.failing) throw new AppError('disk-full', 'The disk is full.');
      await store.deployments.save(all, templates);
      saved.push(...all.map(({ state }) => state));
    },
  };
  const key = await store.key('boot-tokens');
  const keeper = await createDeployments({ store: watched, key, now: () => now, record: () => undefined, log });
  const access = keeper.access({
    snapshot: () => profiles,
    check: (profile, vars) => checkParams(profile.params, vars),
  });
  return {
    keeper,
    access,
    saved,
    meddle,
    serve: (next: typeof catalog) => {
      profiles = next;
    },
    pass: (minutes: number) => {
      now += minutes * MINUTE;
    },
    at: () => now,
    close: async () => {
      await keeper.close();
      await store.close();
    },
  };
}

const answer = { kind: 'answer', path: 'preseed/web.cfg' } as const;

describe('arming', () => {
  test('pins the profile and is spent by the answer file where there is one', async () => {
    const { access } = await open();
    const made = await access.arm({ host: 'web' }, 'ann');
    expect(made).toMatchObject({ state: 'armed', spendOn: 'answer', attempts: 1, profile: { name: 'debian' } });
    expect((await access.get(made.id)).profile.kernel).toBe('debian/linux');
    await expect(access.arm({ host: 'web' }, 'bob')).rejects.toMatchObject({ code: 'already-exists' });
  });

  test('of a profile without answer files waits for the callback', async () => {
    const { access } = await open();
    expect(await access.arm({ host: 'web', profile: 'bios' }, 'ann')).toMatchObject({ spendOn: 'callback' });
  });

  test.each([
    [{ host: 'nobody' }, 'not-found'],
    [{ host: 'web', profile: 'nothing' }, 'not-found'],
    [{ host: 'bare' }, 'deployment-refused'],
    [{ host: 'shut' }, 'deployment-refused'],
    [{ host: 'diskless' }, 'deployment-refused'],
    [{ host: 'web', vars: { disk: 'sda' } }, 'deployment-refused'],
  ])('%j is refused: %s', async (order, code) => {
    const { access } = await open();
    await expect(access.arm(order, 'ann')).rejects.toMatchObject({ code });
  });

  test.each(['bios', 'scripted'])(
    'of %s to be spent by an answer file that nobody serves is refused, with what to do instead',
    async (profile) => {
      const { access, keeper } = await open();
      const order = { host: 'web', profile, spendOn: 'answer' } as const;
      for (const draft of [false, true]) {
        await expect(access.arm({ ...order, draft }, 'ann')).rejects.toMatchObject({
          code: 'deployment-refused',
          message: expect.stringMatching(/no answer file.*install again.*spendOn "callback"/),
        });
      }
      expect(keeper.find('web')).toBeUndefined();
      expect(await access.arm({ ...order, spendOn: 'callback' }, 'ann')).toMatchObject({ spendOn: 'callback' });
    },
  );

  test('by an answer file of the general table is as good as by one of the profile', () => {
    const parts = {
      hosts: { web: { macs: ['52:54:00:00:00:01'] } },
      profiles: { bios: { kind: 'install', kernel: 'k' } },
    };
    const row = { path: 'seed/:mac.cfg', template: 'preseed.hbs' };
    const order = { host: 'web', profile: 'bios', spendOn: 'answer' } as const;
    expect(findArmable(catalogOf({ ...parts, routes: [row] }), order).kind).toBe('refused');
    expect(findArmable(catalogOf({ ...parts, routes: [{ ...row, stage: 'answer' }] }), order).kind).toBe('armable');
  });

  test('a draft lets nothing in until it is armed', async () => {
    const { access, keeper } = await open();
    const { id } = await access.arm({ host: 'web', draft: true }, 'ann');
    keeper.notice('web', { kind: 'offer', at: T0, to: 'firmware' });
    expect(keeper.find('web')).toMatchObject({ state: 'draft', boot: 0 });
    expect(await access.armDraft(id, 'bob')).toMatchObject({ state: 'armed' });
    await expect(access.armDraft(id, 'bob')).rejects.toMatchObject({ code: 'already-exists' });
  });
});

describe('what is on the disk', () => {
  test('an attempt that is used up, before anybody is told', async () => {
    const { access, keeper, saved, at } = await open();
    const { id } = await access.arm({ host: 'web' }, 'ann');
    saved.length = 0;
    const first = keeper.apply(id, { ...answer, at: at() });
    // A second request for the same file waits for the same write.
    const second = keeper.apply(id, { ...answer, at: at() });
    expect(saved).toEqual([]);
    await second;
    expect(saved).toContain('installing');
    expect(await first).toMatchObject({ state: 'installing', spent: 1 });
  });

  test('survives the process, and so do the tokens it gave out', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hobnail-deployments-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'hobnail.db');
    const before = await open(file);
    const { id } = await before.access.arm({ host: 'web', vars: { a: 1 } }, 'ann');
    before.keeper.notice('web', { kind: 'offer', at: T0, to: 'firmware' });
    const token = before.keeper.tokenOf(before.keeper.find('web') ?? expect.fail('it is armed'));
    await before.keeper.apply(id, { ...answer, at: T0 });
    // Nothing is closed: as after `kill -9`, only what was acknowledged is there.
    const after = await open(file);
    expect(after.keeper.find('web')).toMatchObject({ id, state: 'installing', spent: 1, vars: { a: 1 } });
    expect(after.keeper.verify(token)?.deployment.host).toBe('web');
    expect(await after.keeper.callback(token, 'succeeded', 'done')).toMatchObject({ state: 'succeeded', log: 'done' });
    expect(after.keeper.find('web')).toBeUndefined();
    await after.close();
    await before.close();
  });
});

describe('when the disk does not take it', () => {
  test('nothing is armed, neither by an order nor by a draft', async () => {
    const { access, keeper, meddle } = await open();
    meddle.failing = true;
    await expect(access.arm({ host: 'web' }, 'ann')).rejects.toMatchObject({ code: 'disk-full' });
    expect(keeper.find('web')).toBeUndefined();
    meddle.failing = false;
    const { id } = await access.arm({ host: 'web', draft: true }, 'ann');
    meddle.failing = true;
    await expect(access.armDraft(id, 'ann')).rejects.toMatchObject({ code: 'disk-full' });
    expect(keeper.find('web')?.state).toBe('draft');
    meddle.failing = false;
    expect(await access.armDraft(id, 'ann')).toMatchObject({ state: 'armed' });
  });

  test('what is cancelled lets nobody in, says so, and is written as soon as that works', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'hobnail-deployments-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'hobnail.db');
    const { access, keeper, meddle } = await open(file);
    const { id } = await access.arm({ host: 'web' }, 'ann');
    meddle.failing = true;
    await expect(access.finish(id, 'cancelled', 'ann')).rejects.toMatchObject({
      code: 'disk-full',
      message: expect.stringMatching(/is cancelled, but on disk it is still armed.*tried again/),
    });
    expect(keeper.find('web')).toBeUndefined();
    meddle.failing = false;
    // Nobody asks again: what the disk has is what a restart after kill -9 would find.
    await expect.poll(async () => (await (await open(file)).access.get(id)).state).toBe('cancelled');
  });

  test('a draft that is cancelled while it is being armed stays cancelled, on disk too', async () => {
    const { access, keeper, meddle } = await open();
    const { id } = await access.arm({ host: 'web', draft: true }, 'ann');
    let cancelled: Promise<unknown> | undefined;
    meddle.before = async () => {
      cancelled ??= access.finish(id, 'cancelled', 'bob');
    };
    await expect(access.armDraft(id, 'ann')).rejects.toMatchObject({ code: 'deployment-ended' });
    await cancelled;
    expect(keeper.find('web')).toBeUndefined();
    expect((await access.get(id)).state).toBe('cancelled');
  });
});

describe('what is fetched', () => {
  test('by the TFTP thread alone shows in the history once its event comes', async () => {
    const { access, keeper } = await open();
    await access.arm({ host: 'web' }, 'ann');
    keeper.notice('web', { kind: 'offer', at: T0, to: 'firmware' });
    const desk = createDeploymentDesk(keeper, () => T0);
    const event = { at: T0, summary: 'sent', path: 'ipxe/undionly.kpxe', mac: '52:54:00:00:00:01' as Mac };
    const of = (origin: string) => ({ ...event, detail: { origin } });
    desk.fetched({ ...of('image ipxe/undionly.kpxe'), kind: 'tftp.failed' }, catalog);
    desk.fetched({ ...of('image other'), kind: 'tftp.done' }, catalog);
    expect(keeper.find('web')?.state).toBe('offered');
    desk.fetched({ ...of('image ipxe/undionly.kpxe'), kind: 'tftp.done' }, catalog);
    expect(keeper.find('web')?.state).toBe('loader');
  });
});

test('a draft is pinned to the profile as it is when it is armed, and refused when that does not fit any more', async () => {
  const { access, serve } = await open();
  const { id } = await access.arm({ host: 'web', draft: true }, 'ann');
  const host = { macs: ['52:54:00:00:00:01'], profile: 'debian' };
  serve(
    catalogOf({
      hosts: { web: { ...host, policy: 'blocked' } },
      profiles: { debian: { kind: 'install', kernel: 'k' } },
    }),
  );
  await expect(access.armDraft(id, 'bob')).rejects.toMatchObject({ code: 'deployment-refused' });
  const profile = { kind: 'install', kernel: 'newer/linux', files: [{ path: 'p/:mac', template: 'p.hbs' }] };
  serve(catalogOf({ hosts: { web: host }, profiles: { debian: profile } }));
  expect((await access.armDraft(id, 'bob')).profile.kernel).toBe('newer/linux');
});

test('the texts of templates are there after a restart, and thrown away when nothing is pinned to them', async () => {
  const store = await createStore({ file: ':memory:', now: () => T0, log });
  const start = () =>
    createDeployments({
      store: store.deployments,
      key: new Uint8Array(32),
      now: () => T0,
      record: () => undefined,
      log,
    });
  const set = { hash: 'h1', texts: { 'preseed.hbs': 'as it was' } };
  const files = { snapshot: () => catalog, check: () => [], pin: async () => set };
  const before = await start();
  const made = await before.access(files).arm({ host: 'web' }, 'ann');
  const after = await start();
  expect(after.templatesOf(after.find('web') ?? expect.fail('it is armed'))).toEqual(set);
  await after.access(files).finish(made.id, 'cancelled', 'ann');
  expect(await store.deployments.loadTemplates()).toEqual([]);
  for (const one of [before, after]) await one.close();
  await store.close();
});

describe('a token', () => {
  test('is good for its boot until the deployment ends', async () => {
    const { access, keeper, pass, at } = await open();
    const { id } = await access.arm({ host: 'web', attempts: 2 }, 'ann');
    keeper.notice('web', { kind: 'offer', at: at(), to: 'firmware' });
    const first = keeper.tokenOf(keeper.find('web') ?? expect.fail('it is armed'));
    expect(keeper.verify(first)).toMatchObject({ boot: 1 });
    keeper.notice('web', { kind: 'kernel', at: at(), path: 'k' });
    pass(5);
    keeper.notice('web', { kind: 'offer', at: at(), to: 'firmware' });
    const second = keeper.tokenOf(keeper.find('web') ?? expect.fail('it is armed'));
    // The old one fetches nothing more, and may still report.
    expect([keeper.verify(first), keeper.verify(second)?.boot]).toEqual([undefined, 2]);
    expect(keeper.beacon(first, 'partitioned').id).toBe(id);
    await access.finish(id, 'cancelled', 'ann', 'wrong machine');
    expect(keeper.verify(second)).toBeUndefined();
    await expect(keeper.callback(second, 'succeeded', '')).rejects.toMatchObject({ code: 'deployment-ended' });
  });

  test('cannot be made up, moved to another boot, or be of another key', async () => {
    const [one, other] = [await open(), await open()];
    await one.access.arm({ host: 'web' }, 'ann');
    const token = one.keeper.tokenOf(one.keeper.find('web') ?? expect.fail('it is armed'));
    expect(other.keeper.verify(token)).toBeUndefined();
    for (const forged of [
      token.replace(/_0_/, '_1_'),
      `${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`,
      '',
      'x',
    ]) {
      expect(one.keeper.verify(forged)).toBeUndefined();
      await expect(one.keeper.callback(forged, 'succeeded', '')).rejects.toMatchObject({ code: 'not-found' });
    }
  });
});

test('a deadline holds at the moment of the decision', async () => {
  const { access, keeper, pass } = await open();
  const { id } = await access.arm({ host: 'web', minutes: 10 }, 'ann');
  pass(11);
  expect(keeper.find('web')).toBeUndefined();
  await expect(access.finish(id, 'succeeded', 'ann')).rejects.toMatchObject({ code: 'deployment-ended' });
  expect(await access.arm({ host: 'web' }, 'ann')).toMatchObject({ state: 'armed' });
});

test('a machine that took over the name of an armed host is not let in, and the old token opens nothing of it', async () => {
  const { access, keeper } = await open();
  const made = await access.arm({ host: 'web' }, 'ann');
  const withMacs = (...macs: string[]) =>
    catalogOf({
      hosts: { web: { macs, profile: 'debian' } },
      profiles: { debian: { kind: 'install', kernel: 'debian/linux' } },
      routes: [{ path: 'x', template: 'x.hbs' }],
      deployments: keeper,
    });
  const kindFor = (at: ReturnType<typeof withMacs>) =>
    assign(at, { host: at.hosts.get('web'), purpose: 'answer' }).assignment.kind;
  expect(kindFor(withMacs('52:54:00:00:00:01', '52:54:00:00:00:09'))).toBe('profile');
  const other = withMacs('52:54:00:00:00:09');
  expect(kindFor(other)).toBe('local');
  const tokenHost = keeper.verify(keeper.tokenOf(made))?.deployment.host;
  expect(resolve('x', { tokenHost }, other)).toMatchObject({ kind: 'refused' });
});

import { describe, expect, it } from 'vitest';
import type { Mac } from '../../src/net/mac.ts';
import { startRealHouse } from './real-house.ts';

const ARMABLE = { 'profiles/hosts/wipe01.yaml': 'macs: [52:54:00:aa:00:09]\nprofile: debian\n' };

describe('deployments by API', () => {
  it('arm a host by name or MAC, show it, and disarm it; each step is in the audit log', async () => {
    const { ask, core } = await startRealHouse(ARMABLE);
    const assignment = () => {
      const host = core.inventory.snapshot().hosts.get('wipe01');
      return host && core.assignmentOf(host).kind;
    };
    expect(assignment()).toBe('local');
    const armed = await ask('POST', '/hosts/52-54-00-AA-00-09/arm', { as: 'operator', body: { attempts: 2 } });
    expect(armed.statusCode).toBe(201);
    expect(armed.json()).toMatchObject({
      ...{
        host: 'wipe01',
        profile: 'debian',
        destructive: true,
        state: 'armed',
        attempts: 2,
        spent: 0,
        createdBy: 'otto',
      },
    });
    expect(assignment()).toBe('profile');
    expect((await ask('GET', '/deployments?host=wipe01&state=armed')).json().items).toHaveLength(1);
    expect((await ask('POST', '/hosts/wipe01/arm', {})).json()).toMatchObject({ status: 409, code: 'already-exists' });

    expect((await ask('POST', '/hosts/wipe01/disarm')).json()).toMatchObject({ state: 'cancelled' });
    expect(assignment()).toBe('local');
    expect((await ask('POST', '/hosts/wipe01/disarm')).json()).toMatchObject({
      status: 404,
      detail: expect.stringMatching(/not armed/),
    });
    const { id } = armed.json();
    expect((await ask('GET', '/audit')).json().items).toMatchObject([
      { who: 'ada', action: 'POST /hosts/:id/disarm', before: 'armed', after: 'cancelled' },
      { who: 'otto', target: `deployment ${id} of wipe01, profile debian`, after: 'armed' },
    ]);
  });

  it('hand out the templates as they were when the host was armed, with their partials, until it is armed again', async () => {
    const { ask, core, deployments } = await startRealHouse({
      ...ARMABLE,
      'profiles/debian.yaml':
        'kind: install\nkernel: debian/linux\nfiles:\n  - {path: "seed/:mac.cfg", template: seed.cfg.hbs}\n',
      'templates/seed.cfg.hbs': 'disk {{> disk}}\n',
      'templates/partials/disk.hbs': 'first',
    });
    const seen = async (path: string) => {
      const content = await core.render('wipe01', path);
      return Buffer.from(content.bytes ?? []).toString();
    };
    const { id, templates } = (await ask('POST', '/hosts/wipe01/arm', { body: {} })).json();
    expect(templates).toMatch(/^\S{10,}$/);
    const text = { 'content-type': 'text/plain' };
    const put = (name: string, body: string) =>
      ask('PUT', `/templates/${name}`, { body, headers: { ...text, 'if-match': '*' } });
    expect((await put('partials/disk.hbs', 'second')).statusCode).toBe(200);
    expect((await put('boot.txt.hbs', 'general, edited')).statusCode).toBe(200);
    const paths = ['seed/52-54-00-aa-00-09.cfg', 'boot/52-54-00-aa-00-09.txt'] as const;
    expect(await seen(paths[0])).toBe('disk first\n');
    expect(await seen(paths[1])).toBe('wipe01 runs debian\n');
    // A host that is not armed gets what the files say.
    expect(Buffer.from((await core.render('web01', 'boot/52-54-00-aa-00-01.txt')).bytes ?? []).toString()).toBe(
      'general, edited',
    );
    await ask('POST', `/deployments/${id}/end`, { body: { outcome: 'cancelled' } });
    const again = (await ask('POST', '/hosts/wipe01/arm', { body: {} })).json();
    expect(again.templates).not.toBe(templates);
    expect(await seen(paths[0])).toBe('disk second\n');
    expect(deployments.find('wipe01')?.templates).toBe(again.templates);
  });

  it('give HEAD the size and the ETag that GET would have, with token and secret, and spend nothing by it', async () => {
    const { ask, core, deployments } = await startRealHouse({
      ...ARMABLE,
      'profiles/debian.yaml':
        'kind: install\nkernel: debian/linux\nfiles:\n  - {path: "seed/:mac.cfg", template: seed.cfg.hbs}\n',
      'templates/seed.cfg.hbs': '{{callbackUrl "succeeded"}} {{secret "root-password"}}\n',
    });
    await ask('PUT', '/secrets/root-password', { body: { value: 'a rather long one, longer than its mask' } });
    await ask('POST', '/hosts/wipe01/arm', { body: {} });
    deployments.notice('wipe01', { kind: 'offer', at: Date.now(), to: 'firmware' });
    const mac = '52:54:00:aa:00:09' as Mac;
    const asker = { ip: '10.77.0.9', transport: 'http', localAddress: '10.77.0.1', mac } as const;
    const path = 'seed/52-54-00-aa-00-09.cfg';
    const head = await core.open(path, { ...asker, onlyAsks: true });
    expect(deployments.find('wipe01')).toMatchObject({ state: 'offered', spent: 0 });
    const get = await core.open(path, asker);
    if (head.kind !== 'content' || get.kind !== 'content') throw new Error('nothing came');
    expect(Buffer.from(get.bytes ?? []).toString()).toMatch(/_1_\S+ a rather long one/);
    expect([head.size, head.etag]).toEqual([get.size, get.etag]);
    expect(deployments.find('wipe01')).toMatchObject({ state: 'installing', spent: 1 });
  });

  it('are refused while a template of the profile is broken, with its place', async () => {
    const { ask } = await startRealHouse({
      ...ARMABLE,
      'profiles/debian.yaml':
        'kind: install\nkernel: debian/linux\nfiles:\n  - {path: "seed/:mac.cfg", template: seed.cfg.hbs}\n',
      'templates/seed.cfg.hbs': 'a\n{{#if}\n',
    });
    const refused = (await ask('POST', '/hosts/wipe01/arm', { body: {} })).json();
    expect(refused).toMatchObject({
      code: 'deployment-refused',
      detail: expect.stringMatching(/template of profile "debian"/),
    });
    expect(refused.problems[0]).toMatchObject({ file: expect.stringContaining('seed.cfg.hbs'), line: 2 });
  });

  it('are drafted, armed and ended by an operator, with their history', async () => {
    const { ask } = await startRealHouse(ARMABLE);
    const { id } = (await ask('POST', '/deployments', { body: { host: 'wipe01', draft: true } })).json();
    expect((await ask('POST', `/deployments/${id}/arm`)).json()).toMatchObject({ state: 'armed' });
    const body = { outcome: 'succeeded', reason: 'seen by eye' };
    expect((await ask('POST', `/deployments/${id}/end`, { body })).json()).toMatchObject({ state: 'succeeded' });
    const read = (await ask('GET', `/deployments/${id}`)).json();
    expect(read.history.map(({ state }: { state: string }) => state)).toEqual(['draft', 'armed', 'succeeded']);
    expect((await ask('POST', `/deployments/${id}/end`, { body })).json()).toMatchObject({ code: 'deployment-ended' });
  });

  it.each([
    ['viewer', 'POST', '/hosts/wipe01/arm', {}, 403, 'role-missing'],
    ['operator', 'POST', '/hosts/nobody/arm', {}, 404, 'not-found'],
    ['operator', 'POST', '/hosts/wipe01/arm', { atempts: 2 }, 400, 'request-invalid'],
    ['operator', 'POST', '/hosts/wipe01/arm', { attempts: 0 }, 400, 'request-invalid'],
    ['operator', 'POST', '/deployments', { host: 'wipe01', profile: 'ghost' }, 404, 'not-found'],
    ['operator', 'GET', '/deployments/none', undefined, 404, 'not-found'],
    ['operator', 'GET', '/deployments?state=armd', undefined, 400, 'request-invalid'],
  ] as const)('%s: %s %s %j is refused', async (as, method, path, body, status, code) => {
    const { ask } = await startRealHouse(ARMABLE);
    expect((await ask(method, path, { as, body })).json()).toMatchObject({ status, code });
  });

  it('go page by page', async () => {
    const { ask } = await startRealHouse(ARMABLE);
    for (let round = 0; round < 3; round++) {
      await ask('POST', '/hosts/wipe01/arm', {});
      await ask('POST', '/hosts/wipe01/disarm');
    }
    const first = (await ask('GET', '/deployments?limit=2')).json();
    expect(first.items).toHaveLength(2);
    const second = (await ask('GET', `/deployments?limit=2&cursor=${first.next}`)).json();
    expect(second.items).toHaveLength(1);
    expect(second).not.toHaveProperty('next');
  });
});

describe('the inbox by API', () => {
  const STRANGER = '52:54:00:cc:00:01' as Mac;
  const seen = async () => {
    const house = await startRealHouse();
    for (const mac of [STRANGER, '52:54:00:cc:00:02' as Mac]) {
      house.machines.learn({ mac, network: 'lab', archCodes: [7] }, house.core.inventory.snapshot());
    }
    return house;
  };

  it('shows strangers, and adopts one as a host that is no stranger any more', async () => {
    const { ask, text } = await seen();
    const { items } = (await ask('GET', '/discovered')).json();
    expect(items).toHaveLength(2);
    expect(items).toContainEqual(
      expect.objectContaining({ mac: STRANGER, standing: 'new', architecture: expect.stringMatching(/x64 UEFI/) }),
    );
    const adopted = await ask('POST', `/discovered/${STRANGER}/adopt`, { body: { name: 'new01', profile: 'rescue' } });
    expect([adopted.statusCode, adopted.json()]).toMatchObject([201, { name: 'new01', macs: [STRANGER] }]);
    expect(text('profiles/hosts/new01.yaml')).toContain('profile: rescue');
    expect((await ask('GET', '/discovered')).json().items).toHaveLength(1);
    expect((await ask('GET', '/audit?target=host%20new01')).json().items).toHaveLength(1);
  });

  it('goes page by page', async () => {
    const { ask } = await seen();
    const first = (await ask('GET', '/discovered?limit=1')).json();
    const second = (await ask('GET', `/discovered?limit=1&cursor=${first.next}`)).json();
    expect(new Set([...first.items, ...second.items].map(({ mac }) => mac)).size).toBe(2);
    expect(second).not.toHaveProperty('next');
  });

  it('ignores and blocks, takes it back, and says who did', async () => {
    const { ask } = await seen();
    expect((await ask('POST', `/discovered/${STRANGER}/ignore`)).json()).toMatchObject({ standing: 'ignored' });
    expect((await ask('GET', '/discovered')).json().items).toHaveLength(1);
    expect((await ask('POST', `/discovered/${STRANGER}/block`)).json()).toMatchObject({ standing: 'blocked' });
    expect((await ask('POST', `/discovered/${STRANGER}/restore`)).json()).toMatchObject({ standing: 'new' });
    expect((await ask('GET', '/audit')).json().items).toMatchObject([
      { target: `machine ${STRANGER}`, before: 'blocked', after: 'new' },
      { before: 'ignored', after: 'blocked' },
      { before: 'new', after: 'ignored' },
    ]);
    expect((await ask('POST', '/discovered/52:54:00:dd:00:01/block')).json()).toMatchObject({ code: 'not-found' });
  });
});

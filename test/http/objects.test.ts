import { describe, expect, it } from 'vitest';
import { startRealHouse } from './real-house.ts';

const ANY = { 'if-match': '*' };
const NEW = { 'if-none-match': '*' };

describe('objects by API', () => {
  it.each([
    ['profiles', 'live', { kind: 'live', kernel: 'live/linux' }, { title: 'Live' }],
    ['quirks', 'old-rom', { match: { archs: [0] }, actions: { delayMs: 100 } }, { notes: 'by the door' }],
    ['groups', 'rack1', { select: { labels: { rack: 'r1' } } }, { notes: 'by the door' }],
    ['networks', 'home', { mode: 'proxy', interface: 'eth7' }, { domain: 'home.example' }],
    ['hosts', 'db01', { macs: ['52:54:00:bb:00:01'] }, { notes: 'loud' }],
  ])(
    '%s are created, read, changed and deleted; a revision guards each change',
    async (plural, name, document, patch) => {
      const { ask, text } = await startRealHouse();
      const made = await ask('POST', `/${plural}`, { body: { name, ...document } });
      expect([made.statusCode, made.json()]).toEqual([201, { name, ...document }]);
      const etag = String(made.headers.etag);
      const changed = await ask('PATCH', `/${plural}/${name}`, { body: patch, headers: { 'if-match': etag } });
      expect([changed.statusCode, changed.json()]).toEqual([200, { name, ...document, ...patch }]);
      expect(
        (await ask('PATCH', `/${plural}/${name}`, { body: patch, headers: { 'if-match': etag } })).statusCode,
      ).toBe(412);
      const folder = plural === 'profiles' ? 'profiles' : `profiles/${plural}`;
      expect(text(`${folder}/${name}.yaml`)).toContain(Object.values(patch)[0]);
      expect((await ask('GET', `/${plural}`)).json().items.map((item: { name: string }) => item.name)).toContain(name);
      expect((await ask('DELETE', `/${plural}/${name}`, { headers: ANY })).statusCode).toBe(204);
      expect((await ask('GET', `/${plural}/${name}`)).statusCode).toBe(404);
    },
  );

  it('keeps the comments of a file, and a diff shows nothing but the change', async () => {
    const { ask, text } = await startRealHouse();
    await ask('PATCH', '/profiles/rescue', { body: { title: 'Rescue' }, headers: ANY });
    expect(text('profiles/rescue.yaml')).toBe(
      '# writes to no disk\nkind: rescue\nkernel: rescue/linux\nargs: [quiet] # less noise\ntitle: Rescue\n',
    );
  });

  it('gives and takes the file itself as YAML, to the letter', async () => {
    const { ask, text } = await startRealHouse();
    const read = await ask('GET', '/hosts/web01', { headers: { accept: 'application/yaml' } });
    expect(read.headers['content-type']).toBe('application/yaml; charset=utf-8');
    expect(read.body).toBe(text('profiles/hosts/web01.yaml'));
    const mine = '# mine\nmacs:\n    - "52:54:00:aa:00:01"\n';
    const headers = { 'if-match': String(read.headers.etag), 'content-type': 'application/yaml' };
    expect((await ask('PUT', '/hosts/web01', { body: mine, headers })).statusCode).toBe(200);
    expect(text('profiles/hosts/web01.yaml')).toBe(mine);
  });

  it('refuses YAML that is broken with line and column, and the file stays as it was', async () => {
    const { ask, core, text } = await startRealHouse();
    const before = core.inventory.snapshot();
    const headers = { ...ANY, 'content-type': 'application/yaml' };
    const refused = await ask('PUT', '/hosts/web01', { body: 'macs: [52:54:00:aa:00:01]\nprofil: x\n', headers });
    expect(refused.json()).toMatchObject({
      code: 'inventory-invalid',
      problems: [{ line: 2, column: 1, advice: 'Did you mean "profile"?' }],
    });
    expect(text('profiles/hosts/web01.yaml')).toContain('under the stairs');
    expect(core.inventory.snapshot()).toBe(before);
  });

  it('refuses to delete a profile that hosts need, and says which', async () => {
    const { ask, text } = await startRealHouse();
    const refused = await ask('DELETE', '/profiles/rescue', { headers: ANY });
    expect(refused.json()).toMatchObject({ status: 422, code: 'inventory-invalid' });
    expect(refused.json().problems).toHaveLength(2);
    expect(refused.json().problems[0].file).toMatch(/hosts\/web01\.yaml$/);
    expect(text('profiles/rescue.yaml')).toContain('kind: rescue');
  });

  it.each([
    ['POST', '/hosts', { name: 'db01', macs: ['52:54:00:bb:00:01'] }, {}, 201],
    ['PUT', '/hosts/db01', { macs: ['52:54:00:bb:00:01'] }, NEW, 201],
    ['PATCH', '/hosts/web01', { notes: 'x' }, ANY, 200],
    ['DELETE', '/hosts/web01', undefined, ANY, 204],
  ] as const)('%s %s with dryRun answers as if and writes nothing', async (method, path, body, headers, status) => {
    const { ask, core, text } = await startRealHouse();
    const before = core.inventory.snapshot();
    const response = await ask(method, `${path}?dryRun=true`, { body, headers });
    expect(response.statusCode).toBe(status);
    expect(core.inventory.snapshot()).toBe(before);
    expect(text('profiles/hosts/web01.yaml')).not.toContain('notes');
    expect((await ask('GET', '/hosts/db01')).statusCode).toBe(404);
    expect((await ask('GET', '/audit')).json().items).toEqual([]);
  });

  it('finds with dryRun what a real write would find', async () => {
    const { ask } = await startRealHouse();
    const refused = await ask('PATCH', '/hosts/web01?dryRun=true', { body: { profile: 'rescu' }, headers: ANY });
    expect(refused.json()).toMatchObject({ code: 'inventory-invalid' });
    expect((await ask('PATCH', '/hosts/web01?dryrun=true', { body: {}, headers: ANY })).json().problems).toMatchObject([
      { path: 'dryrun', advice: 'Did you mean "dryRun"?' },
    ]);
  });

  it('lets one of two editors win and tells the other', async () => {
    const { ask, text } = await startRealHouse();
    const headers = { 'if-match': String((await ask('GET', '/hosts/web01')).headers.etag) };
    const both = await Promise.all(
      ['one', 'two'].map((notes) => ask('PATCH', '/hosts/web01', { body: { notes }, headers })),
    );
    expect(both.map(({ statusCode }) => statusCode).sort()).toEqual([200, 412]);
    const winner = both[0]?.statusCode === 200 ? 'one' : 'two';
    expect(text('profiles/hosts/web01.yaml')).toContain(`notes: ${winner}`);
  });

  it.each(['..%2f..%2fetc%2fpasswd', '%2e%2e', 'a%00b', '.hidden', 'UPPER', 'x'.repeat(64)])(
    'refuses the name %s and writes no file',
    async (name) => {
      const { ask } = await startRealHouse();
      const refused = await ask('PUT', `/profiles/${name}`, { body: { kind: 'menu' }, headers: NEW });
      expect([400, 404]).toContain(refused.statusCode);
      expect((await ask('GET', '/profiles')).json().items).toHaveLength(2);
    },
  );

  it('refuses a body of ten megabytes before reading it to its end', async () => {
    const { ask } = await startRealHouse();
    const body = { name: 'big', macs: ['52:54:00:bb:00:01'], notes: 'x'.repeat(10_000_000) };
    expect((await ask('POST', '/hosts', { body })).json()).toMatchObject({ status: 413, code: 'body-too-large' });
  });
});

describe('roles', () => {
  it.each([
    ['viewer', 'POST', '/hosts'],
    ['viewer', 'POST', '/reload'],
    ['viewer', 'GET', '/audit'],
    ['operator', 'PUT', '/profiles/rescue'],
    ['operator', 'DELETE', '/networks/lab'],
    ['operator', 'POST', '/tokens'],
    ['operator', 'GET', '/audit'],
  ] as const)('%s may not %s %s, and a refused change is in the audit log', async (as, method, path) => {
    const { ask } = await startRealHouse();
    const refused = await ask(method, path, { as });
    expect(refused.json()).toMatchObject({ status: 403, code: 'role-missing' });
    const { items } = (await ask('GET', '/audit')).json();
    expect(items.map(({ status }: { status: number }) => status)).toEqual(method === 'GET' ? [] : [403]);
  });
});

describe('the audit log', () => {
  it('says who changed what from which revision to which, newest first, page by page', async () => {
    const { ask } = await startRealHouse();
    const first = await ask('PATCH', '/hosts/web01', { as: 'operator', body: { notes: 'x' }, headers: ANY });
    const second = await ask('DELETE', '/hosts/web01', { headers: ANY });
    expect(second.statusCode).toBe(204);
    const after = String(first.headers.etag).replaceAll('"', '');
    const { items } = (await ask('GET', '/audit?target=host%20web01')).json();
    expect(items).toMatchObject([
      { who: 'ada', role: 'admin', action: 'DELETE /hosts/:id', target: 'host web01', before: after, status: 204 },
      { who: 'otto', action: 'PATCH /hosts/:id', after, status: 200, request: expect.any(String) },
    ]);
    const page = (await ask('GET', '/audit?limit=1')).json();
    expect(page.items).toHaveLength(1);
    expect((await ask('GET', `/audit?limit=1&cursor=${page.next}`)).json().items).toMatchObject([{ who: 'otto' }]);
    expect((await ask('GET', '/audit?who=otto')).json().items).toHaveLength(1);
  });

  it('holds no line for a change that failed', async () => {
    const { ask } = await startRealHouse();
    await ask('PATCH', '/hosts/web01', { body: { profile: 'ghost' }, headers: ANY });
    expect((await ask('GET', '/audit')).json().items).toEqual([]);
  });
});

describe('tokens by API', () => {
  it('are made, shown without their secret, used and revoked', async () => {
    const { api, ask } = await startRealHouse();
    const made = await ask('POST', '/tokens', { body: { name: 'ci', role: 'viewer' } });
    expect(made.statusCode).toBe(201);
    const { token } = made.json();
    const use = () => api.inject({ url: '/api/v1/hosts', headers: { authorization: `Bearer ${token}` } });
    expect((await use()).statusCode).toBe(200);
    const listed = (await ask('GET', '/tokens')).json();
    expect(listed.items.map(({ name }: { name: string }) => name)).toEqual(['ada', 'ci', 'otto', 'vera']);
    expect(JSON.stringify(listed)).not.toContain(token.slice(-20));
    expect((await ask('DELETE', '/tokens/ci')).statusCode).toBe(204);
    expect((await use()).statusCode).toBe(401);
    expect((await ask('GET', '/audit?target=token%20ci')).json().items).toHaveLength(2);
  });

  it('never lose the last admin', async () => {
    const { ask } = await startRealHouse();
    expect((await ask('DELETE', '/tokens/ada')).json()).toMatchObject({ detail: expect.stringMatching(/last admin/) });
    expect((await ask('GET', '/tokens')).statusCode).toBe(200);
  });
});

describe('a session of the page', () => {
  it('takes a token once, then a cookie no script can read; leaving ends it', async () => {
    const { api, secrets } = await startRealHouse();
    const payload = { token: secrets.operator };
    const page = { 'hobnail-page': '1' };
    const bare = await api.inject({ method: 'POST', url: '/api/v1/login', payload });
    expect(bare.json()).toMatchObject({ status: 401, detail: expect.stringMatching(/Hobnail-Page/) });
    const opened = await api.inject({ method: 'POST', url: '/api/v1/login', payload, headers: page });
    expect(opened.json()).toEqual({ name: 'otto', role: 'operator' });
    const set = String(opened.headers['set-cookie']);
    expect(set).toMatch(/; HttpOnly; SameSite=Strict$/);
    expect(set).not.toContain(secrets.operator);
    const cookie = set.split(';')[0] ?? '';
    const ask = (headers: object = {}) =>
      api.inject({ method: 'POST', url: '/api/v1/reload', headers: { cookie, ...headers } });
    expect((await api.inject({ url: '/api/v1/hosts', headers: { cookie } })).statusCode).toBe(200);
    expect((await ask()).json()).toMatchObject({ status: 401, detail: expect.stringMatching(/Hobnail-Page/) });
    expect((await ask({ 'hobnail-page': '1' })).statusCode).toBe(200);
    const leave = (headers: object) =>
      api.inject({ method: 'DELETE', url: '/api/v1/login', headers: { cookie, ...headers } });
    expect((await leave({})).statusCode).toBe(401);
    expect((await api.inject({ url: '/api/v1/hosts', headers: { cookie } })).statusCode).toBe(200);
    expect((await leave(page)).statusCode).toBe(204);
    expect((await ask({ 'hobnail-page': '1' })).statusCode).toBe(401);
  });

  it('ends when its token is revoked', async () => {
    const { api, secrets, store } = await startRealHouse();
    const opened = await api.inject({
      method: 'POST',
      url: '/api/v1/login',
      payload: { token: secrets.viewer },
      headers: { 'hobnail-page': '1' },
    });
    const headers = { cookie: String(opened.headers['set-cookie']).split(';')[0] ?? '' };
    await store.tokens.revoke('vera');
    expect((await api.inject({ url: '/api/v1/hosts', headers })).statusCode).toBe(401);
  });

  it('counts wrong tokens as any login does', async () => {
    const { api } = await startRealHouse();
    const statuses: number[] = [];
    for (let i = 0; i < 12; i++) {
      const payload = { token: `guess${i}` };
      const headers = { 'hobnail-page': '1' };
      statuses.push((await api.inject({ method: 'POST', url: '/api/v1/login', payload, headers })).statusCode);
    }
    expect(statuses.slice(9)).toEqual([401, 429, 429]);
  });
});

it('explains, with the place each value was written and those it prevails over', async () => {
  const { ask } = await startRealHouse({
    'profiles/groups/all.yaml': 'priority: 5\nselect: { macs: ["52:54:00"] }\nvars: { console: tty0, zone: utc }\n',
    'profiles/hosts/org01.yaml': 'macs: [52:54:00:aa:00:0a]\nprofile: rescue\nvars: { console: ttyS0 }\n',
  });
  const { values } = (await ask('POST', '/explain', { body: { mac: '52:54:00:aa:00:0a', arch: 7 } })).json();
  const group = { level: 'group', name: 'all' };
  expect(values).toEqual([
    { field: 'vars.console', value: 'ttyS0', origin: { level: 'host', name: 'org01' }, over: [group] },
    { field: 'vars.zone', value: 'utc', origin: group, over: [] },
  ]);
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi, WEB_MAC } from './api-fixtures.ts';

let house: Awaited<ReturnType<typeof startApi>>;
beforeEach(async () => {
  house = await startApi();
});
afterEach(() => house.api.close());

const names = (response: { json: () => { items: { name: string }[] } }) =>
  response.json().items.map((item) => item.name);

describe('listing hosts', () => {
  it.each([
    ['', ['db', 'web-1', 'web-2']],
    ['?q=WEB', ['web-1', 'web-2']],
    ['?q=5254.00AA.0002', ['web-2']],
    ['?q=xyz', ['db']],
    ['?q=spare', ['web-2']],
    ['?label=rack', ['web-1', 'web-2']],
    ['?label=rack%3Da1', ['web-1']],
    ['?label=rack&label=rack%3Db2', ['web-2']],
    ['?label=__proto__', []],
    ['?profile=debian', ['web-1']],
    ['?profile=debian&q=db', []],
  ])('%s', async (query, expected) => {
    expect(names(await house.ask('GET', `/hosts${query}`))).toEqual(expected);
  });

  it('goes through the pages by cursor, also when a host is added behind its back', async () => {
    const first = await house.ask('GET', '/hosts?limit=2');
    expect(names(first)).toEqual(['db', 'web-1']);
    await house.ask('POST', '/hosts', { body: { name: 'aaa', macs: ['52:54:00:bb:00:01'] } });
    const second = await house.ask('GET', `/hosts?limit=2&cursor=${first.json().next}`);
    expect(names(second)).toEqual(['web-2']);
    expect(second.json().next).toBeUndefined();
  });

  it.each(['?limit=0', '?limit=many', '?lable=x'])('refuses %s', async (query) => {
    const response = await house.ask('GET', `/hosts${query}`);
    expect(response.statusCode).toBe(400);
    expect(response.json().code).toBe('request-invalid');
  });

  it('names the parameter that was meant', async () => {
    const response = await house.ask('GET', '/hosts?lable=x');
    expect(response.json().problems).toMatchObject([{ path: 'lable', advice: 'Did you mean "label"?' }]);
  });
});

describe('reading a host', () => {
  it.each(['web-1', WEB_MAC, '52-54-00-AA-00-01', '5254.00aa.0001', '525400AA0001'])('by %s', async (id) => {
    const response = await house.ask('GET', `/hosts/${id}`);
    expect(response.json()).toEqual({ name: 'web-1', macs: [WEB_MAC], profile: 'debian', labels: { rack: 'a1' } });
    expect(response.headers.etag).toBe('"r1"');
  });

  it('suggests a name for one that is not there', async () => {
    const response = await house.ask('GET', '/hosts/wbe-1');
    expect(response.statusCode).toBe(404);
    expect(response.json()).toMatchObject({
      code: 'not-found',
      detail: 'There is no host "wbe-1". Did you mean "web-1"?',
    });
  });
});

describe('creating a host', () => {
  const body = { name: 'new', macs: ['52:54:00:bb:00:01'], profile: 'rescue' };

  it('by POST tells where it is and its revision', async () => {
    const response = await house.ask('POST', '/hosts', { body });
    expect(response.statusCode).toBe(201);
    expect(response.headers).toMatchObject({ location: '/api/v1/hosts/new', etag: '"r4"' });
    expect(response.json()).toEqual(body);
    expect((await house.ask('GET', '/hosts/new')).json()).toEqual(body);
  });

  it('by PUT with If-None-Match', async () => {
    const { name: _name, ...document } = body;
    const response = await house.ask('PUT', '/hosts/new', { body: document, headers: { 'if-none-match': '*' } });
    expect(response.statusCode).toBe(201);
    expect(response.json()).toEqual(body);
  });

  it('keeps the document as it was sent, without defaults filled in', async () => {
    await house.ask('POST', '/hosts', { body: { name: 'new', macs: ['52-54-00-BB-00-01'] } });
    expect((await house.inventory.readObject('host', 'new'))?.document).toEqual({ macs: ['52-54-00-BB-00-01'] });
  });

  it('leaves a line in the log and in the audit log that says who did it', async () => {
    await house.ask('POST', '/hosts', { body });
    const done = { action: 'POST /hosts', target: 'host new', status: 201 };
    expect(house.logged).toMatchObject([{ ...done, operator: 'the-operator', msg: 'changed by API' }]);
    expect(house.audited).toMatchObject([{ ...done, who: 'the-operator', role: 'operator', after: 'r4' }]);
  });

  it.each([
    ['without saying that it is new', 'PUT', '/hosts/new', {}, body, 428, 'revision-required'],
    ['that was there when last seen', 'PUT', '/hosts/new', { 'if-match': '"r1"' }, body, 412, 'revision-stale'],
    ['that exists', 'PUT', '/hosts/web-1', { 'if-none-match': '*' }, { macs: [WEB_MAC] }, 412, 'revision-stale'],
    ['that exists, by POST', 'POST', '/hosts', {}, { ...body, name: 'web-1' }, 409, 'already-exists'],
    ['under another name', 'PUT', '/hosts/other', { 'if-none-match': '*' }, body, 400, 'request-invalid'],
    [
      'with a name that is no file name',
      'PUT',
      '/hosts/..%2fx',
      { 'if-none-match': '*' },
      { macs: [WEB_MAC] },
      400,
      'request-invalid',
    ],
    ['without a name', 'POST', '/hosts', {}, { macs: [WEB_MAC] }, 400, 'request-invalid'],
    ['without a body', 'POST', '/hosts', {}, undefined, 400, 'request-invalid'],
    ['that is a list', 'POST', '/hosts', {}, [], 400, 'request-invalid'],
    ['the whole catalog refuses', 'POST', '/hosts', {}, { ...body, profile: 'ghost' }, 422, 'inventory-invalid'],
  ] as const)('refuses one %s', async (_name, method, path, headers, given, status, code) => {
    const response = await house.ask(method, path, { body: given, headers });
    expect([response.statusCode, response.json().code]).toEqual([status, code]);
    expect(house.logged).toEqual([]);
  });

  it('tells every fault of the document at once, with the nearest known key', async () => {
    const response = await house.ask('POST', '/hosts', {
      body: { name: 'new', macs: ['52:54:00:zz:00:01'], profil: 'x', adress: '10.77.0.5', policy: 'maybe' },
    });
    expect(response.statusCode).toBe(400);
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json().problems).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ path: 'macs[0]', message: expect.stringMatching(/not a MAC/) }),
        expect.objectContaining({ path: 'profil', advice: 'Did you mean "profile"?' }),
        expect.objectContaining({ path: 'adress', advice: 'Did you mean "address"?' }),
        expect.objectContaining({ path: 'policy' }),
      ]),
    );
  });

  it('passes on every problem the inventory found', async () => {
    const response = await house.ask('POST', '/hosts', { body: { ...body, profile: 'ghost' } });
    expect(response.json().problems).toMatchObject([
      { file: 'profiles/hosts/new.yaml', message: 'there is no profile "ghost"' },
    ]);
  });
});

describe('changing a host', () => {
  it('corrects one whose file is in no snapshot because it has errors', async () => {
    const { snapshot } = house.inventory;
    house.inventory.snapshot = () => ({ ...snapshot(), hosts: new Map(), hostByMac: new Map() });
    const response = await house.ask('PUT', '/hosts/db', {
      body: { macs: [WEB_MAC] },
      headers: { 'if-match': '"r3"' },
    });
    expect(response.statusCode).toBe(200);
  });

  it('replaces it', async () => {
    const response = await house.ask('PUT', '/hosts/web-1', {
      body: { macs: [WEB_MAC] },
      headers: { 'if-match': '"r1"' },
    });
    expect(response.statusCode).toBe(200);
    expect(response.headers.etag).toBe('"r4"');
    expect(response.json()).toEqual({ name: 'web-1', macs: [WEB_MAC] });
  });

  it('takes back what a read gave, changed', async () => {
    const read = await house.ask('GET', '/hosts/web-1');
    const response = await house.ask('PUT', '/hosts/web-1', {
      body: { ...read.json<object>(), profile: 'rescue' },
      headers: { 'if-match': String(read.headers.etag) },
    });
    expect(response.json()).toMatchObject({ name: 'web-1', profile: 'rescue' });
  });

  it.each(['application/merge-patch+json', 'application/json'])('merges a patch sent as %s', async (type) => {
    const response = await house.ask('PATCH', `/hosts/${WEB_MAC}`, {
      body: JSON.stringify({ profile: null, notes: 'x' }),
      headers: { 'if-match': '"r1"', 'content-type': type },
    });
    expect(response.json()).toEqual({ name: 'web-1', macs: [WEB_MAC], labels: { rack: 'a1' }, notes: 'x' });
    expect(house.audited).toMatchObject([{ target: 'host web-1', before: 'r1', after: 'r4' }]);
  });

  it('deletes it', async () => {
    const response = await house.ask('DELETE', '/hosts/web-1', { headers: { 'if-match': '*' } });
    expect([response.statusCode, response.body]).toEqual([204, '']);
    expect((await house.ask('GET', '/hosts/web-1')).statusCode).toBe(404);
  });

  it.each([
    ['PUT', { macs: [WEB_MAC] }],
    ['PATCH', { notes: 'x' }],
    ['DELETE', undefined],
  ] as const)('%s needs the revision it is based on', async (method, body) => {
    const without = await house.ask(method, '/hosts/web-1', { body });
    const stale = await house.ask(method, '/hosts/web-1', { body, headers: { 'if-match': '"r0"' } });
    const weak = await house.ask(method, '/hosts/web-1', { body, headers: { 'if-match': 'W/"r1"' } });
    const listed = await house.ask(method, '/hosts/web-1', { body, headers: { 'if-match': '"r0", "r1"' } });
    expect([without, stale, weak].map((response) => response.json().code)).toEqual([
      'revision-required',
      'revision-stale',
      'revision-stale',
    ]);
    expect([without, stale, weak].map((response) => response.statusCode)).toEqual([428, 412, 412]);
    expect(listed.statusCode).toBeLessThan(300);
  });

  it('refuses a patch of a field that is not there', async () => {
    const response = await house.ask('PATCH', '/hosts/web-1', {
      body: { lables: {} },
      headers: { 'if-match': '"r1"' },
    });
    expect(response.json()).toMatchObject({
      status: 400,
      problems: [{ path: 'lables', advice: 'Did you mean "labels"?' }],
    });
  });
});

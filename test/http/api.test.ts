import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ERRORS } from '../../src/errors.ts';
import { ACCESS } from '../../src/http/roles.ts';
import { readMetrics } from '../support/prometheus-text.ts';
import { startApi, WEB_MAC } from './api-fixtures.ts';

let house: Awaited<ReturnType<typeof startApi>>;
beforeEach(async () => {
  house = await startApi();
});
afterEach(() => house.api.close());

describe('login', () => {
  it.each(['/hosts', '/profiles', '/networks', '/leases', '/events?format=json', '/status', '/metrics'])(
    'is needed for %s',
    async (path) => {
      const response = await house.ask('GET', path, { token: '' });
      expect(response.statusCode).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="hobnail"');
      expect(response.json().code).toBe('login-required');
    },
  );

  it.each(['/healthz', '/readyz', '/openapi.json'])('is not needed for %s', async (path) => {
    expect((await house.ask('GET', path, { token: '' })).statusCode).toBe(200);
  });

  it('lets a viewer read and ask, and nothing more', async () => {
    const token = 'view-secret';
    expect((await house.ask('GET', '/hosts', { token })).statusCode).toBe(200);
    expect((await house.ask('POST', '/explain', { token, body: { mac: WEB_MAC } })).statusCode).toBe(200);
    for (const [method, path] of [
      ['POST', '/hosts'],
      ['DELETE', '/hosts/web-1'],
      ['POST', '/reload'],
    ] as const) {
      const response = await house.ask(method, path, { token });
      expect(response.json()).toMatchObject({
        status: 403,
        code: 'role-missing',
        detail: expect.stringContaining('operator'),
      });
    }
  });

  it('lets an admin do what an operator may', async () => {
    expect((await house.ask('POST', '/reload', { token: 'admin-secret' })).statusCode).toBe(200);
  });

  it('slows down guessing without locking out who has a token', async () => {
    const codes: string[] = [];
    for (let i = 0; i < 12; i++) codes.push((await house.ask('GET', '/hosts', { token: `guess-${i}` })).json().code);
    expect(codes.slice(0, 10)).toEqual(Array(10).fill('login-required'));
    expect(codes.slice(10)).toEqual(['rate-limited', 'rate-limited']);
    expect((await house.ask('GET', '/hosts')).statusCode).toBe(200);
  });

  it('opens metrics only when told to', async () => {
    const open = await startApi({ openMetrics: true });
    expect((await open.ask('GET', '/metrics', { token: '' })).statusCode).toBe(200);
    expect((await open.ask('GET', '/hosts', { token: '' })).statusCode).toBe(401);
    await open.api.close();
  });
});

describe('problem documents', () => {
  it('name code, title and what to change', async () => {
    const response = await house.ask('GET', '/hosts/nobody');
    expect(response.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(response.json()).toEqual({
      type: 'urn:hobnail:error:not-found',
      title: ERRORS['not-found'].title,
      status: 404,
      code: 'not-found',
      detail: 'There is no host "nobody".',
      instance: expect.stringMatching(/^urn:hobnail:request:./),
    });
  });

  it.each([
    ['broken JSON', 'application/json', '{"name":', 400, 'request-invalid'],
    ['a prototype in JSON', 'application/json', '{"__proto__":{"name":"x"}}', 400, 'request-invalid'],
    ['another media type', 'text/yaml', 'name: x', 400, 'request-invalid'],
    ['more than a mebibyte', 'application/json', JSON.stringify('x'.repeat(1024 * 1024)), 413, 'body-too-large'],
  ])('answer %s', async (_name, type, body, status, code) => {
    const response = await house.ask('POST', '/hosts', { body, headers: { 'content-type': type } });
    expect(response.json()).toMatchObject({ status, code });
    expect(response.statusCode).toBe(status);
  });

  it('answer a path that is not there', async () => {
    expect((await house.ask('GET', '/hoste')).json()).toMatchObject({ status: 404, code: 'not-found' });
  });

  it('tell nothing of a bug but where the log has it', async () => {
    const response = await house.ask('GET', '/hosts/web-1/files/bug');
    expect(response.json()).toMatchObject({
      status: 500,
      code: 'internal',
      detail: expect.stringMatching(/The log has it under/),
    });
    expect(response.body).not.toMatch(/undefined is not|TypeError|api-fixtures/);
    expect(house.logged).toMatchObject([{ level: 50, err: { type: 'TypeError' }, requestId: expect.any(String) }]);
  });
});

describe('profiles, networks and leases', () => {
  it('shows profiles with the number of their hosts', async () => {
    expect((await house.ask('GET', '/profiles')).json().items).toMatchObject([
      { name: 'debian', kind: 'install', destructive: true, hosts: 1 },
      { name: 'rescue', hosts: 0 },
    ]);
    expect((await house.ask('GET', '/profiles/debain')).json().detail).toMatch(/Did you mean "debian"/);
  });

  it('shows networks as they are written', async () => {
    const written = { name: 'lan', subnet: '10.77.0.0/24', pools: ['10.77.0.100-10.77.0.200'], mode: 'server' };
    expect((await house.ask('GET', '/networks')).json().items).toMatchObject([written]);
    expect((await house.ask('GET', '/networks/wan')).statusCode).toBe(404);
  });

  it('lists leases in order of address, with their hosts', async () => {
    const { items } = (await house.ask('GET', '/leases')).json();
    expect(items).toMatchObject([{ address: '10.77.0.20' }, { address: '10.77.0.101', host: 'web-1' }]);
    expect(items[0]).not.toHaveProperty('host');
  });

  it('goes on behind the last lease of a page', async () => {
    const first = (await house.ask('GET', '/leases?limit=1')).json();
    expect(first).toMatchObject({ items: [{ address: '10.77.0.20' }], next: expect.any(String) });
    const second = (await house.ask('GET', `/leases?limit=1&cursor=${first.next}`)).json();
    expect(second.items).toMatchObject([{ address: '10.77.0.101' }]);
    expect(second).not.toHaveProperty('next');
    const wrong = await house.ask('GET', '/leases?cursor=nonsense');
    expect(wrong.json()).toMatchObject({ code: 'request-invalid', detail: expect.stringMatching(/cursor/) });
  });

  it.each([
    ['active=true', ['10.77.0.101']],
    ['active=false', ['10.77.0.20']],
    ['network=wan', []],
  ])('filters leases by %s', async (query, expected) => {
    const { items } = (await house.ask('GET', `/leases?${query}`)).json();
    expect(items.map((lease: { address: string }) => lease.address)).toEqual(expected);
  });
});

describe('ending a lease', () => {
  it('is done once, noted, and says so when there is nothing to end', async () => {
    expect((await house.ask('DELETE', '/leases/lan/10.77.0.101')).statusCode).toBe(204);
    expect(house.audited).toMatchObject([{ target: 'lease lan 10.77.0.101', who: 'the-operator' }]);
    expect((await house.ask('DELETE', '/leases/lan/10.77.0.99')).json()).toMatchObject({ code: 'not-found' });
    expect((await house.ask('DELETE', '/leases/lan/10.77.0.999')).json()).toMatchObject({ code: 'request-invalid' });
  });
});

describe('explain and render', () => {
  it('explains a machine that is not there', async () => {
    const response = await house.ask('POST', '/explain', { body: { mac: '525400AA0001', arch: 7, userClass: 'iPXE' } });
    expect(response.json()).toEqual({
      decision: { kind: 'loader', reason: 'arch 7' },
      host: 'web-1',
      rules: [{ rule: 'known host', matched: true, because: 'by its mac' }],
      values: [
        { field: 'loader', value: 'grub', origin: { level: 'quirk' }, over: [{ level: 'group', name: 'rack' }] },
      ],
      answer: 'OFFER',
      request: ['op 1'],
      reply: { words: ['option 67 bootfile: ipxe/undionly.kpxe'], hex: '0201', sentTo: 'everybody', notes: [] },
    });
  });

  it.each([{ mac: 'x' }, { mac: WEB_MAC, arch: 70_000 }, { mac: WEB_MAC, architecture: 7 }, {}])(
    'refuses %j',
    async (body) => {
      expect((await house.ask('POST', '/explain', { body })).statusCode).toBe(400);
    },
  );

  it('shows what a host would get, as what it is and never as a page of ours', async () => {
    const response = await house.ask('GET', '/hosts/52-54-00-aa-00-01/files/boot.ipxe');
    expect(response.body).toBe('#!ipxe for web-1\n');
    expect(response.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': '17',
      'content-security-policy': "sandbox; default-src 'none'",
      'x-content-type-options': 'nosniff',
      'hobnail-origin': 'template%20x.hbs',
    });
  });

  it('says why a host gets nothing there', async () => {
    const response = await house.ask('GET', '/hosts/web-1/files/no/such');
    expect(response.json()).toMatchObject({
      status: 404,
      code: 'file-absent',
      detail: expect.stringMatching(/no file route/),
    });
  });
});

describe('the appliance itself', () => {
  it('shows its status and whose token asks', async () => {
    expect((await house.ask('GET', '/status')).json()).toMatchObject({
      version: '1.2.3',
      doors: [{ name: 'tftp', address: '10.77.0.1', port: 69, maker: 'portable' }],
      objects: { hosts: 3, profiles: 2, networks: 1 },
      problems: [{ file: 'profiles/web.yaml', line: 3, message: 'is old' }],
      counters: { hobnail_dhcp_replies_total: 3, hobnail_tftp_transfers: 4 },
      token: { name: 'the-operator', role: 'operator' },
    });
  });

  it('is ready when nothing stands in the way, without saying what does', async () => {
    expect((await house.ask('GET', '/readyz', { token: '' })).json()).toEqual({ ok: true });
    const broken = await startApi({ status: () => ({ startedAt: 0, doors: [], notReady: ['TFTP is not open'] }) });
    const response = await broken.ask('GET', '/readyz', { token: '' });
    expect([response.statusCode, response.json()]).toEqual([503, { ok: false }]);
    await broken.api.close();
  });

  it('writes its counters for Prometheus, the same at each scrape', async () => {
    const first = await house.ask('GET', '/metrics');
    const second = await house.ask('GET', '/metrics');
    expect(first.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(first.body).toContain(
      '# TYPE hobnail_dhcp_replies_total counter\nhobnail_dhcp_replies_total{kind="offer"} 2\n',
    );
    expect(first.body).toContain('hobnail_tftp_transfers 4');
    expect(second.body).toBe(first.body);
    expect(readMetrics(first.body).get('hobnail_dhcp_replies_total')?.samples).toHaveLength(2);
  });

  it('reloads, and tells whether that was put to use and the problems', async () => {
    expect((await house.ask('POST', '/reload')).json()).toMatchObject({
      applied: false,
      problems: [{ file: 'profiles/web.yaml' }],
    });
  });
});

describe('documentation and pages', () => {
  it('describes every route in OpenAPI 3.1, with what is sent and the problems that may come', async () => {
    const document = (await house.ask('GET', '/openapi.json')).json();
    expect(document.openapi).toBe('3.1.0');
    // One row of the roles table, one operation; and the few that need no login.
    const rows = [...Object.keys(ACCESS), 'POST /login', 'DELETE /login', 'GET /healthz', 'GET /readyz'];
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations as object)
        .filter((method) => method !== 'head')
        .map((method) => `${method.toUpperCase()} ${path.replace('/api/v1', '')}`),
    );
    expect(described.sort()).toEqual(rows.map((row) => row.replace(/:(\w+)/g, '{$1}').replace('*', '{*}')).sort());
    const put = document.paths['/api/v1/hosts/{id}'].put;
    const { schema } = put.requestBody.content['application/json'];
    expect(schema.properties.macs).toMatchObject({ type: 'array', items: { type: 'string' } });
    expect(schema.required).toEqual(['macs']);
    expect(schema.additionalProperties).toBe(false);
    expect(put.responses.default.content['application/problem+json'].schema.$ref).toBe('#/components/schemas/Problem');
    expect(document.components.schemas.Problem.properties).toHaveProperty('code');
  });

  it('shows it in a page that needs nothing from outside and no TLS', async () => {
    const response = await house.api.inject('/docs/');
    expect(response.statusCode).toBe(200);
    const policy = String(response.headers['content-security-policy']);
    expect(policy).toMatch(/script-src 'self'/);
    expect(policy).not.toMatch(/upgrade-insecure|https:|swagger\.io/);
  });

  it('never asks a browser for TLS, which this listener has not', async () => {
    const { headers } = await house.ask('GET', '/healthz');
    expect(headers).not.toHaveProperty('strict-transport-security');
    expect(headers['content-security-policy']).toBe(
      "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
    );
    expect(headers['cache-control']).toBe('no-store');
  });

  it('serves the operator page under its own policy', async () => {
    const page = { html: '<!doctype html><p>hello', contentSecurityPolicy: "default-src 'none'; connect-src 'self'" };
    const withPage = await startApi({ page });
    const response = await withPage.api.inject('/');
    expect([response.statusCode, response.body]).toEqual([200, page.html]);
    expect(response.headers['content-security-policy']).toBe(page.contentSecurityPolicy);
    await withPage.api.close();
    expect((await house.api.inject('/')).statusCode).toBe(404);
  });
});

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi } from './api-fixtures.ts';

let house: Awaited<ReturnType<typeof startApi>>;
beforeEach(async () => {
  house = await startApi();
});
afterEach(() => house.api.close());

describe('images', () => {
  it('are listed with what is there of them', async () => {
    const { items } = (await house.ask('GET', '/images', { token: 'view-secret' })).json();
    expect(items).toMatchObject([
      { reference: 'ipxe', state: 'part', files: [{ to: 'ipxe/snponly.efi', present: false }] },
    ]);
  });

  it('are pulled by a job that is answered at once, and tells its progress until it is stopped', async () => {
    const started = await house.ask('POST', '/images/jobs', { body: { images: ['ipxe'] } });
    expect(started.statusCode).toBe(202);
    expect(started.headers.location).toBe('/api/v1/images/jobs/j1');
    const running = (await house.ask('GET', '/images/jobs/j1')).json();
    expect(running).toMatchObject({ state: 'running', files: [{ file: 'x', done: 5, total: 10 }] });
    expect((await house.ask('GET', '/images/jobs')).json().items).toHaveLength(1);
    expect((await house.ask('DELETE', '/images/jobs/j1')).json()).toMatchObject({ state: 'stopped' });
  });

  it.each([
    ['POST', '/images/jobs', { images: ['nothing'] }, 404, 'not-found'],
    ['POST', '/images/jobs', { images: ['a b'] }, 400, 'request-invalid'],
    ['POST', '/images/jobs', { image: 'ipxe' }, 400, 'request-invalid'],
    ['GET', '/images/jobs/j9', undefined, 404, 'not-found'],
    ['DELETE', '/images/jobs/j9', undefined, 404, 'not-found'],
    ['POST', '/images/verify', { images: ['nothing'] }, 404, 'not-found'],
    ['POST', '/images/remove', { image: 'nothing' }, 404, 'not-found'],
  ] as const)('%s %s of %j is answered with %i %s', async (method, path, body, status, code) => {
    const response = await house.ask(method, path, body === undefined ? {} : { body });
    expect(response.json()).toMatchObject({ status, code });
  });

  it('are verified, and removed: a file that was changed stays unless that is forced', async () => {
    const verified = (await house.ask('POST', '/images/verify', { body: {} })).json();
    expect(verified.items).toEqual([{ to: 'ipxe/snponly.efi', image: 'ipxe', state: 'gone' }]);
    const kept = (await house.ask('POST', '/images/remove', { body: { image: 'ipxe' } })).json();
    expect(kept).toEqual({ removed: [], kept: ['ipxe/snponly.efi'] });
    const removed = (await house.ask('POST', '/images/remove', { body: { image: 'ipxe', force: true } })).json();
    expect(removed).toEqual({ removed: ['ipxe/snponly.efi'], kept: [] });
  });

  it.each(['/images/jobs', '/images/remove', '/images/verify'])('are not changed by a viewer: %s', async (path) => {
    const response = await house.ask('POST', path, { token: 'view-secret', body: { images: ['ipxe'] } });
    expect(response.json()).toMatchObject({ status: 403, code: 'role-missing' });
  });
});

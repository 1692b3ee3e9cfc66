import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startApi } from './api-fixtures.ts';

let house: Awaited<ReturnType<typeof startApi>>;
beforeEach(async () => {
  house = await startApi();
});
afterEach(() => house.api.close());

const filesOf = (body: { items: { file: string }[] }) => body.items.map(({ file }) => file);

describe('uploads', () => {
  it('are listed in order of file, page by page', async () => {
    const first = (await house.ask('GET', '/uploads?limit=2')).json();
    expect(filesOf(first)).toEqual(['backups/r1.20270115T080000Z-1', 'backups/r1.20270115T090000Z-1']);
    const second = (await house.ask('GET', `/uploads?limit=2&cursor=${encodeURIComponent(first.next)}`)).json();
    expect(filesOf(second)).toEqual(['gone']);
    expect(second.next).toBeUndefined();
  });

  it.each([
    ['host=web-1', 2],
    ['prefix=backups/', 2],
    ['prefix=g', 1],
    ['host=nobody', 0],
  ])('are chosen by %s', async (query, count) => {
    expect((await house.ask('GET', `/uploads?${query}`)).json().items).toHaveLength(count);
  });

  it('are read by an operator as a download, not by a viewer', async () => {
    const response = await house.ask('GET', '/uploads/u1/raw');
    expect(response.body).toBe('secret 7');
    expect(response.headers['content-disposition']).toBe('attachment');
    const viewer = await house.ask('GET', '/uploads/u1/raw', { token: 'view-secret' });
    expect(viewer.json()).toMatchObject({ status: 403, code: 'role-missing' });
    expect((await house.ask('GET', '/uploads', { token: 'view-secret' })).statusCode).toBe(200);
  });

  it.each([
    ['an id that is none', 'u9', 'not-found'],
    ['a file that was taken away', 'u3', 'file-absent'],
  ])('answer %s with 404', async (_name, id, code) => {
    expect((await house.ask('GET', `/uploads/${id}/raw`)).json()).toMatchObject({ status: 404, code });
  });
});

/** Lists that are read page by page: nothing twice, nothing lost, and an end. */
import { expect, it, onTestFinished } from 'vitest';
import type { ImageJobState, ImageState } from '../../src/http/api-deps.ts';
import { memoryImages, NOW, startApi } from './api-fixtures.ts';
import { startRealHouse } from './real-house.ts';

interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}
type Ask = (method: 'GET', path: string) => Promise<{ readonly statusCode: number; json(): unknown }>;

async function pagesOf<T>(ask: Ask, path: string): Promise<(readonly T[])[]> {
  const pages: (readonly T[])[] = [];
  let cursor = '';
  // Bounded: a cursor that goes in a circle must fail the test, not hang it.
  for (let turn = 0; turn < 10; turn++) {
    const { items, next } = (await ask('GET', `${path}${cursor}`)).json() as Page<T>;
    pages.push(items);
    if (next === undefined) return pages;
    cursor = `&cursor=${next}`;
  }
  throw new Error(`${path} has no last page`);
}

it('events go back from the newest, and forward from an id', async () => {
  const { ask, store } = await startRealHouse();
  for (const summary of ['a', 'b', 'c', 'd', 'e']) {
    store.events.append({ at: 1, kind: 'tftp.done', host: 'paged', summary });
  }
  const [first] = await store.events.list({ host: 'paged', limit: 5 });
  const list = async (query: string) => {
    const path = `/events?format=json&host=paged&limit=2${query}`;
    return (await pagesOf<{ summary: string }>(ask, path)).map((page) => page.map(({ summary }) => summary).join(''));
  };
  expect(await list('')).toEqual(['de', 'bc', 'a']);
  expect(await list(`&after=${first?.id}`)).toEqual(['bc', 'de']);
  const forged = await ask('GET', '/events?format=json&cursor=sideways-1');
  expect(forged.json()).toMatchObject({ code: 'request-invalid', problems: [{ path: 'cursor' }] });
});

it('images and their jobs', async () => {
  const images = memoryImages();
  const [one] = (await images.list()) as [ImageState];
  const job = (id: string, startedAt: number): ImageJobState => {
    return { id, references: [], state: 'done', startedAt, files: [], outcomes: [] };
  };
  const { api, ask } = await startApi({
    images: {
      ...images,
      list: async () => ['ipxe', 'debian@12', 'memtest'].map((reference) => ({ ...one, reference })),
      jobs: () => [job('y', NOW), job('b', NOW + 1), job('x', NOW)],
    },
  });
  onTestFinished(() => api.close());
  const listed = await pagesOf<ImageState>(ask, '/images?limit=2');
  expect(listed.map((page) => page.map(({ reference }) => reference))).toEqual([['debian@12', 'ipxe'], ['memtest']]);
  const jobs = await pagesOf<ImageJobState>(ask, '/images/jobs?limit=2');
  expect(jobs.map((page) => page.map(({ id }) => id))).toEqual([['x', 'y'], ['b']]);
});

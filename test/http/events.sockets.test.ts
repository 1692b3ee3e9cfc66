import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BootEvent, StoredEvent } from '../../src/boot/event.ts';
import type { Mac } from '../../src/net/mac.ts';
import { startApi, WEB_MAC } from './api-fixtures.ts';

let house: Awaited<ReturnType<typeof startApi>>;
let base: string;

beforeEach(async () => {
  house = await startApi({ heartbeatMs: 50 });
  const { port } = await house.api.listen('127.0.0.1', 0);
  base = `http://127.0.0.1:${port}/api/v1/events`;
});
afterEach(() => house.api.close());

const append = (summary: string, rest: Partial<BootEvent> = {}) =>
  house.events.append({ at: 1, kind: 'dhcp.offer', summary, ...rest });

/** Opens a stream and collects its text until it is closed. */
async function openStream(query = '', headers: Record<string, string> = {}) {
  const abort = new AbortController();
  const response = await fetch(base + query, {
    headers: { authorization: 'Bearer view-secret', ...headers },
    signal: abort.signal,
  });
  const stream = { response, text: '', done: false, close: () => abort.abort() };
  const reading = (async () => {
    for await (const chunk of response.body ?? []) stream.text += Buffer.from(chunk).toString();
  })();
  reading
    .catch(() => {})
    .finally(() => {
      stream.done = true;
    });
  return stream;
}

function eventsIn(text: string): StoredEvent[] {
  return Array.from(text.matchAll(/^id: (\d+)\ndata: (.*)\n\n/gm), ([, id, data = '']) => {
    const event = JSON.parse(data);
    expect(event.id).toBe(Number(id));
    return event;
  });
}
const summaries = (text: string) => eventsIn(text).map((event) => event.summary);

describe('the event stream', () => {
  it('is not opened for a HEAD, which could not end it', async () => {
    const response = await fetch(base, { method: 'HEAD', headers: { authorization: 'Bearer view-secret' } });
    expect(response.status).toBe(404);
  });

  it('sends what happens from now on, with its id', async () => {
    append('before');
    const stream = await openStream();
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    append('one');
    append('two');
    await expect.poll(() => summaries(stream.text)).toEqual(['one', 'two']);
    stream.close();
  });

  it('goes on after the last event its reader has seen, and loses and repeats none', async () => {
    for (let i = 1; i <= 700; i++) append(`${i}`);
    const stream = await openStream('', { 'last-event-id': '250' });
    for (let i = 701; i <= 720; i++) {
      append(`${i}`);
      await sleep(1);
    }
    await expect.poll(() => eventsIn(stream.text).at(-1)?.summary).toBe('720');
    expect(summaries(stream.text)).toEqual(Array.from({ length: 470 }, (_, i) => `${251 + i}`));
    stream.close();
  });

  it('keeps events that happen while the past is still being read', async () => {
    append('past');
    const list = house.events.list;
    house.events.list = async (query) => {
      const page = await list(query);
      append(`meanwhile after ${query.after}`);
      return page;
    };
    const stream = await openStream('?after=0');
    await expect.poll(() => summaries(stream.text)).toEqual(['past', 'meanwhile after 0']);
    stream.close();
  });

  it.each([
    [`?mac=${WEB_MAC.replaceAll(':', '-')}`, ['mac']],
    ['?host=web-1', ['host', 'tftp']],
    ['?kind=tftp,http.done', ['tftp', 'http']],
    ['?kind=tftp&host=web-1', ['tftp']],
  ])('filters by %s, past and present', async (query, expected) => {
    const all = () => {
      append('other', { mac: '52:54:00:00:00:09' as Mac, host: 'db' });
      append('mac', { mac: WEB_MAC });
      append('host', { host: 'web-1' });
      append('tftp', { host: 'web-1', kind: 'tftp.done' });
      append('http', { kind: 'http.done' });
    };
    all();
    const stream = await openStream(`${query}&after=0`);
    await expect.poll(() => summaries(stream.text)).toEqual(expected);
    all();
    await expect.poll(() => summaries(stream.text)).toEqual([...expected, ...expected]);
    stream.close();
  });

  it('shows that it is alive while nothing happens', async () => {
    const stream = await openStream();
    await expect.poll(() => stream.text.match(/^: still here$/gm)?.length).toBeGreaterThan(1);
    stream.close();
  });

  it('lets go of its listener when the reader leaves', async () => {
    const stream = await openStream();
    expect(house.events.listeners.size).toBe(1);
    stream.close();
    await expect.poll(() => house.events.listeners.size).toBe(0);
  });

  it('cuts off a reader that does not read, so that it cannot fill the memory', async () => {
    const abort = new AbortController();
    const headers = { authorization: 'Bearer view-secret' };
    await fetch(base, { headers, signal: abort.signal });
    const text = 'x'.repeat(10_000);
    for (let i = 0; i < 3000 && house.events.listeners.size > 0; i++) {
      append(text);
      if (i % 50 === 0) await sleep(1);
    }
    expect(house.events.listeners.size).toBe(0);
    abort.abort();
  });

  it('ends when the API closes, without holding it up', async () => {
    const stream = await openStream();
    await house.api.close();
    await expect.poll(() => stream.done).toBe(true);
    expect(house.events.listeners.size).toBe(0);
  });

  it('ends when its token is taken back, by the API or behind its back', async () => {
    let isGood = true;
    const revocable = async (secret: string) =>
      isGood || secret === 'admin-secret' ? { name: 'x', role: 'admin' as const } : undefined;
    const tokens = {
      verify: revocable,
      list: async () => ['x', 'y'].map((name) => ({ name, role: 'admin' as const, createdAt: 1 })),
      create: async () => '',
      revoke: async () => {
        isGood = false;
        return true;
      },
    };
    for (const way of ['api', 'command line']) {
      isGood = true;
      const own = await startApi({ tokens, recheckMs: way === 'api' ? 3_600_000 : 10 });
      base = `http://127.0.0.1:${(await own.api.listen('127.0.0.1', 0)).port}/api/v1/events`;
      const [theirs, ours] = [await openStream(), await openStream('', { authorization: 'Bearer admin-secret' })];
      if (way === 'api') await own.ask('DELETE', '/tokens/x', { token: 'admin-secret' });
      else isGood = false;
      await expect.poll(() => theirs.done).toBe(true);
      expect(ours.done).toBe(false);
      await own.api.close();
    }
  });

  it('needs a token', async () => {
    expect((await fetch(base)).status).toBe(401);
  });
});

describe('the event list', () => {
  const list = async (query: string) => {
    const response = await house.ask('GET', `/events?format=json${query}`);
    return response.statusCode === 200
      ? response.json().items.map((event: StoredEvent) => event.summary)
      : response.json().problems;
  };

  it('gives the newest, or those after an id', async () => {
    for (const summary of ['a', 'b', 'c', 'd']) append(summary);
    expect(await list('&limit=2')).toEqual(['c', 'd']);
    expect(await list('&after=1&limit=2')).toEqual(['b', 'c']);
  });

  it('names the kind that was meant', async () => {
    expect(await list('&kind=dhpc')).toMatchObject([
      { path: 'kind', message: expect.stringMatching(/Did you mean "dhcp"/) },
    ]);
    expect(await list('&mac=zz')).toMatchObject([{ path: 'mac', message: expect.stringMatching(/not a MAC/) }]);
  });
});

describe('the listener', () => {
  it('says which port is taken', async () => {
    const other = await startApi();
    const port = Number(new URL(base).port);
    await expect(other.api.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'port-in-use' });
    await other.api.close();
  });
});

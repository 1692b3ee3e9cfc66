/** What every store must do, whatever database is behind it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BootEvent, StoredEvent } from '../../src/boot/event.ts';
import { AppError } from '../../src/errors.ts';
import type { Mac } from '../../src/net/mac.ts';
import type { Store } from '../../src/store/store.ts';
import { leaseAt, MAC, NOW } from './store-fixtures.ts';

function eventOf(summary: string, rest: Partial<BootEvent> = {}): BootEvent {
  return { at: NOW, kind: 'dhcp.offer', summary, ...rest };
}

/** @param open an empty store; `now` is its clock */
export function describeStore(name: string, open: (now: () => number) => Promise<Store>): void {
  describe(`store on ${name}`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await open(() => NOW);
    });
    afterEach(() => store.close());

    describe('uploads', () => {
      const upload = {
        file: 'backups/r1.20260314T092653Z-1',
        path: 'backups/r1',
        size: 8,
        sha256: 'aa',
        ip: '10.77.0.9',
        transport: 'tftp',
        at: NOW,
      } as const;

      it('gives back what was recorded, with and without the optional fields', async () => {
        const full = { ...upload, mac: MAC, host: 'web-1' };
        const id = await store.uploads.record(full);
        expect(await store.uploads.get(id)).toEqual({ ...full, id, seenAt: NOW, times: 1 });
        const bare = await store.uploads.record({ ...upload, file: 'f' });
        expect(await store.uploads.get(bare)).toEqual({ ...upload, file: 'f', id: bare, seenAt: NOW, times: 1 });
        expect(await store.uploads.get('nothing')).toBeUndefined();
      });

      it('counts the same bytes and replaces other ones, under one id', async () => {
        const id = await store.uploads.record(upload);
        expect(await store.uploads.record({ ...upload, at: NOW + 5 })).toBe(id);
        expect(await store.uploads.get(id)).toMatchObject({ at: NOW, seenAt: NOW + 5, times: 2 });
        expect(await store.uploads.record({ ...upload, sha256: 'bb', size: 9, at: NOW + 7 })).toBe(id);
        expect(await store.uploads.get(id)).toMatchObject({
          at: NOW + 7,
          seenAt: NOW + 7,
          times: 1,
          sha256: 'bb',
          size: 9,
        });
      });

      it('lists in order of file, by host, prefix and page', async () => {
        const host = 'web-1';
        for (const file of ['b/2', 'a%1', 'b/1', 'b_1']) {
          await store.uploads.record({ ...upload, file, ...(file.startsWith('b/') && { host }) });
        }
        const files = async (query: object) =>
          (await store.uploads.list({ limit: 10, ...query })).map(({ file }) => file);
        expect(await files({})).toEqual(['a%1', 'b/1', 'b/2', 'b_1']);
        expect(await files({ host })).toEqual(['b/1', 'b/2']);
        expect(await files({ prefix: 'b_' })).toEqual(['b_1']);
        expect(await files({ after: 'a%1', limit: 2 })).toEqual(['b/1', 'b/2']);
        expect((await store.uploads.filesFrom('10.77.0.9')).length).toBe(4);
        expect(await store.uploads.filesFrom('10.77.0.8')).toEqual([]);
      });
    });

    describe('leases', () => {
      it('gives back what was committed, with and without the optional fields', async () => {
        const said = { clientId: '01525400aa0001', hostname: 'web-1', heardAt: NOW + 5, port: '10.77.0.254 aabb' };
        const full = leaseAt('10.77.0.5', said);
        const silent = leaseAt('10.77.0.7', { port: '10.77.0.254 aabb' });
        const bare = leaseAt('10.77.0.6', { state: 'declined' });
        await store.leases.commit([full, bare, silent]);
        expect([...(await store.leases.load())]).toEqual(expect.arrayContaining([full, bare, silent]));
      });

      it('keeps one row an address of a network, the newest', async () => {
        const other = '52:54:00:aa:00:02' as Mac;
        await store.leases.commit([leaseAt('10.77.0.5', { clientId: '01', hostname: 'old' })]);
        await store.leases.commit([leaseAt('10.77.0.5', { mac: other }), leaseAt('10.77.0.5', { network: 'lab' })]);
        const leases = [...(await store.leases.load())];
        expect(leases).toHaveLength(2);
        expect(leases.find((lease) => lease.network === 'lan')).toEqual(leaseAt('10.77.0.5', { mac: other }));
      });

      it('takes the last word when a batch names an address twice', async () => {
        await store.leases.commit([leaseAt('10.77.0.5'), leaseAt('10.77.0.5', { state: 'released' })]);
        expect([...(await store.leases.load())]).toEqual([leaseAt('10.77.0.5', { state: 'released' })]);
      });

      it('commits a batch as large as a building', async () => {
        const batch = Array.from({ length: 1203 }, (_, i) => leaseAt(`10.78.${i >> 8}.${i & 255}`));
        await store.leases.commit(batch);
        expect([...(await store.leases.load())]).toHaveLength(1203);
      });

      it('commits all of a batch or nothing', async () => {
        const wrong = leaseAt('10.77.0.9', { state: null as unknown as 'bound' });
        const batch = [...Array.from({ length: 600 }, (_, i) => leaseAt(`10.79.${i >> 8}.${i & 255}`)), wrong];
        await expect(store.leases.commit(batch)).rejects.toThrow(AppError);
        expect([...(await store.leases.load())]).toEqual([]);
      });

      it('commits side by side without mixing transactions', async () => {
        await Promise.all(Array.from({ length: 20 }, (_, i) => store.leases.commit([leaseAt(`10.77.1.${i}`)])));
        expect([...(await store.leases.load())]).toHaveLength(20);
      });

      it('does nothing for an empty batch', async () => {
        await store.leases.commit([]);
        expect([...(await store.leases.load())]).toEqual([]);
      });
    });

    describe('events', () => {
      it('lists the newest in their order, whole', async () => {
        const detail = { status: 206, range: '0-99' };
        store.events.append(eventOf('first'));
        store.events.append(
          eventOf('second', { mac: MAC, host: 'web-1', path: 'debian/linux', bytes: 7, ms: 3, detail }),
        );
        store.events.append(eventOf('third'));
        const events = await store.events.list({ limit: 2 });
        expect(events.map((event) => event.summary)).toEqual(['second', 'third']);
        expect(events[0]).toMatchObject({ mac: MAC, host: 'web-1', path: 'debian/linux', bytes: 7, ms: 3, detail });
      });

      it('goes on after an id, oldest first', async () => {
        for (const summary of ['a', 'b', 'c', 'd']) store.events.append(eventOf(summary));
        const [a] = await store.events.list({ limit: 4 });
        const next = await store.events.list({ after: a?.id, limit: 2 });
        expect(next.map((event) => event.summary)).toEqual(['b', 'c']);
      });

      it('goes back before an id, to the newest of those', async () => {
        for (const summary of ['a', 'b', 'c', 'd']) store.events.append(eventOf(summary));
        const [d] = await store.events.list({ limit: 1 });
        const earlier = await store.events.list({ before: d?.id, limit: 2 });
        expect(earlier.map((event) => event.summary)).toEqual(['b', 'c']);
      });

      it.each([
        ['mac', { mac: MAC }, ['mac']],
        ['host', { host: 'web-1' }, ['host', 'both']],
        ['kinds', { kinds: ['tftp.done', 'http.done'] as const }, ['both', 'http']],
        ['host and kinds', { host: 'web-1', kinds: ['tftp.done'] as const }, ['both']],
        ['nothing that is there', { host: 'web-2' }, []],
      ])('filters by %s', async (_name, query, expected) => {
        store.events.append(eventOf('mac', { mac: MAC }));
        store.events.append(eventOf('host', { host: 'web-1' }));
        store.events.append(eventOf('both', { host: 'web-1', kind: 'tftp.done' }));
        store.events.append(eventOf('http', { kind: 'http.done' }));
        const events = await store.events.list({ ...query, limit: 10 });
        expect(events.map((event) => event.summary)).toEqual(expected);
      });

      it('tells listeners at once, with the id the list has, until they stop', async () => {
        const seen: StoredEvent[] = [];
        const stop = store.events.subscribe((event) => seen.push(event));
        store.events.append(eventOf('heard'));
        expect(seen.map((event) => event.summary)).toEqual(['heard']);
        stop();
        store.events.append(eventOf('unheard'));
        expect(seen).toHaveLength(1);
        expect((await store.events.list({ limit: 10 }))[0]).toEqual(seen[0]);
      });

      it('survives a listener that throws and a detail that is no plain data', async () => {
        store.events.subscribe(() => {
          throw new Error('listener');
        });
        const cycle: Record<string, unknown> = {};
        cycle.self = cycle;
        store.events.append(eventOf('cycle', { detail: cycle }));
        store.events.append(eventOf('bigint', { detail: { n: 1n } }));
        store.events.append(eventOf('plain'));
        const events = await store.events.list({ limit: 10 });
        expect(events.map((event) => event.summary)).toEqual(['cycle', 'bigint', 'plain']);
      });

      it('keeps order through a storm', async () => {
        for (let i = 0; i < 2500; i++) store.events.append(eventOf(`${i}`));
        const events = await store.events.list({ after: 0, limit: 5000 });
        expect(events.map((event) => event.summary)).toEqual(Array.from({ length: 2500 }, (_, i) => `${i}`));
        expect(events.every((event, i) => i === 0 || event.id > (events[i - 1]?.id ?? 0))).toBe(true);
      });

      it('prunes all but the newest', async () => {
        for (const summary of ['a', 'b', 'c', 'd']) store.events.append(eventOf(summary));
        expect(await store.events.prune(3)).toBe(1);
        expect((await store.events.list({ limit: 10 })).map((event) => event.summary)).toEqual(['b', 'c', 'd']);
        expect(await store.events.prune(3)).toBe(0);
        expect(await store.events.prune(0)).toBe(3);
      });
    });

    describe('tokens', () => {
      it('knows a secret again, and only the whole of it', async () => {
        const secret = await store.tokens.create('ci', 'operator');
        expect(await store.tokens.verify(secret)).toEqual({ name: 'ci', role: 'operator' });
        const last = secret.endsWith('A') ? 'B' : 'A';
        for (const wrong of ['', 'hob_', secret.slice(0, -1), secret.slice(0, -1) + last, `${secret}A`, ` ${secret}`]) {
          expect(await store.tokens.verify(wrong)).toBeUndefined();
        }
      });

      it('lists tokens without their secrets', async () => {
        const secret = await store.tokens.create('b', 'admin');
        await store.tokens.create('a', 'viewer');
        const list = await store.tokens.list();
        expect(list).toEqual([
          { name: 'a', role: 'viewer', createdAt: NOW },
          { name: 'b', role: 'admin', createdAt: NOW },
        ]);
        expect(JSON.stringify(list)).not.toContain(secret);
      });

      it('refuses a second token of one name', async () => {
        await store.tokens.create('ci', 'viewer');
        await expect(store.tokens.create('ci', 'admin')).rejects.toMatchObject({ code: 'already-exists' });
      });

      it('forgets a revoked token', async () => {
        const secret = await store.tokens.create('ci', 'viewer');
        expect(await store.tokens.revoke('ci')).toBe(true);
        expect(await store.tokens.verify(secret)).toBeUndefined();
        expect(await store.tokens.revoke('ci')).toBe(false);
      });
    });

    it('answers with the catalogue once it is closed, and takes events in silence', async () => {
      await store.close();
      await store.close();
      await expect(store.leases.commit([leaseAt('10.77.0.5')])).rejects.toMatchObject({ code: 'store-failed' });
      await expect(store.leases.load()).rejects.toMatchObject({ code: 'store-failed' });
      await expect(store.tokens.list()).rejects.toMatchObject({ code: 'store-failed' });
      expect(() => store.events.append(eventOf('late'))).not.toThrow();
    });
  });
}

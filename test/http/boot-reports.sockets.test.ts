/** What machines tell by HTTP: callbacks with logs, beacons, what iPXE read from SMBIOS. */
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BootEvent } from '../../src/boot/event.ts';
import { AppError } from '../../src/errors.ts';
import { type BootDoor, createBootDoor } from '../../src/http/boot.ts';
import { LOG_MAX_BYTES } from '../../src/http/boot-reports.ts';
import { fakeTree } from './boot-fixtures.ts';

const TOKEN = 'k8z0000-abcdef_1_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345';
const OTHER = TOKEN.replace('ABC', 'XYZ');

let door: BootDoor;
let base: string;
let told: unknown[];
let events: BootEvent[];

beforeEach(async () => {
  told = [];
  events = [];
  door = createBootDoor({
    open: fakeTree({}).open,
    findMac: () => undefined,
    reports: {
      async callback(token, outcome, log) {
        if (token !== TOKEN) throw new AppError('not-found', 'nobody’s');
        told.push([outcome, log]);
      },
      beacon: (token, word) => told.push([token, word]),
      discover: (mac, facts) => told.push([mac, facts]),
    },
    record: (event) => events.push(event),
    log: pino({ level: 'silent' }),
    now: Date.now,
  });
  base = `http://127.0.0.1:${(await door.listen('127.0.0.1', 0)).port}`;
});
afterEach(() => door.close());

describe('a callback', () => {
  it.each(['GET', 'POST'])('by %s is taken, and no token stands in the events', async (method) => {
    const answer = await fetch(`${base}/callback/${TOKEN}/success`, { method });
    expect([answer.status, await answer.text()]).toEqual([200, 'Thank you.\n']);
    expect(told).toEqual([['succeeded', '']]);
    await expect.poll(() => events).toMatchObject([{ kind: 'http.done', path: 'callback/…/success' }]);
    expect(JSON.stringify(events)).not.toContain(TOKEN);
  });

  it('keeps the end of its log, where the failure is', async () => {
    const body = `${'x'.repeat(200_000)}disk is full`;
    await fetch(`${base}/callback/${TOKEN}/failed`, { method: 'POST', body });
    const [[outcome, log]] = told as [[string, string]];
    expect([outcome, log.length, log.endsWith('disk is full')]).toEqual(['failed', LOG_MAX_BYTES, true]);
  });

  it('with a body without end is cut off', async () => {
    const body = Buffer.alloc(9 * 1024 * 1024);
    const answer = await fetch(`${base}/callback/${TOKEN}/failed`, { method: 'POST', body }).catch(() => undefined);
    expect(answer?.status ?? 413).toBe(413);
    expect(told).toEqual([]);
  });

  it('with a token that is nobody’s is not found', async () => {
    expect((await fetch(`${base}/callback/${OTHER}/succeeded`)).status).toBe(404);
    await expect.poll(() => events).toMatchObject([{ kind: 'http.failed' }]);
    expect(JSON.stringify(events)).not.toContain(OTHER);
  });
});

it('a beacon says one word', async () => {
  expect((await fetch(`${base}/beacon/${TOKEN}/partitioned`)).status).toBe(200);
  expect(told).toEqual([[TOKEN, 'partitioned']]);
});

it('iPXE reports what the machine is, and runs what it gets back', async () => {
  const query = 'manufacturer=Dell%20Inc.&product=R%0a650&serial=&asset=a1&uuid=77777777-0000-4000-8000-000000000001';
  const answer = await fetch(`${base}/discover/52-54-00-aa-00-01?${query}`);
  expect(await answer.text()).toBe('#!ipxe\n');
  const smbios = { manufacturer: 'Dell Inc.', product: 'R650', asset: 'a1' };
  expect(told).toEqual([['52:54:00:aa:00:01', { smbios, uuid: '77777777-0000-4000-8000-000000000001' }]]);
});

it('other paths are files, and nothing else is taken', async () => {
  expect((await fetch(`${base}/discover/nobody`)).status).toBe(404);
  expect((await fetch(`${base}/debian/linux`, { method: 'POST' })).status).toBe(405);
  expect(told).toEqual([]);
});

/** The inbox: what is kept of machines that are no host, and what one call makes of them. */
import { describe, expect, test } from 'vitest';
import type { BootEvent } from '../src/boot/event.ts';
import type { MachineFacts } from '../src/boot/facts.ts';
import { createMachines } from '../src/machines.ts';
import type { Mac } from '../src/net/mac.ts';
import { createStore } from '../src/store/store.ts';
import { startRealHouse } from './http/real-house.ts';
import { catalogOf } from './support/catalogs.ts';

const T0 = 1_800_000_000_000;
const log = { warn: () => undefined };
const STRANGER = '52:54:00:99:00:01' as Mac;
const HOST = '52:54:00:00:00:01' as Mac;
const catalog = catalogOf({ hosts: { web: { macs: [HOST] } } });
const seen = (mac: Mac, more: Partial<MachineFacts> = {}): MachineFacts => ({
  mac,
  network: 'lan',
  archCodes: [7],
  ...more,
});

async function open(keepStrangers?: number) {
  let now = T0;
  const events: BootEvent[] = [];
  const store = await createStore({ file: ':memory:', now: () => now, log });
  const deps = { store: store.machines, now: () => now, record: (event: BootEvent) => void events.push(event), log };
  const machines = await createMachines({ ...deps, ...(keepStrangers !== undefined && { keepStrangers }) });
  return {
    machines,
    events,
    store,
    deps,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('what is learned', () => {
  test('of one boot counts once, and later stages take nothing away', async () => {
    const { machines, events, pass } = await open();
    machines.learn(seen(STRANGER, { vendorClass: 'PXEClient:Arch:00007', uuid: 'u' }), catalog);
    pass(5000);
    machines.learn({ mac: STRANGER, network: 'lan', vendorClass: 'udhcp 1.36' }, catalog);
    pass(120_000);
    machines.learn(seen(STRANGER), catalog);
    const found = machines.find(STRANGER);
    expect(found).toMatchObject({
      times: 2,
      firstSeenAt: T0,
      facts: { vendorClass: 'PXEClient:Arch:00007', uuid: 'u' },
    });
    expect(events.map(({ kind }) => kind)).toEqual(['machine.seen']);
  });

  test('is there after a restart', async () => {
    const { machines, deps } = await open();
    machines.learn(seen(STRANGER), catalog);
    expect(machines.add(STRANGER, { smbios: { product: 'R650' } })).toBe(true);
    await machines.close();
    expect((await createMachines(deps)).find(STRANGER)?.facts).toMatchObject({
      archCodes: [7],
      smbios: { product: 'R650' },
    });
  });

  test('by HTTP is only about machines DHCP has seen', async () => {
    const { machines } = await open();
    expect(machines.add(STRANGER, { smbios: { product: 'x' } })).toBe(false);
    expect(machines.find(STRANGER)).toBeUndefined();
  });

  test('of too many strangers: the one not seen for longest goes, never a host or one that was blocked', async () => {
    const { machines } = await open(2);
    const mac = (last: number) => `52:54:00:99:00:0${last}` as Mac;
    machines.learn(seen(HOST), catalog);
    machines.learn(seen(mac(1)), catalog);
    const inbox = machines.inbox({ snapshot: () => catalog, writeObject: () => Promise.reject(new Error('not here')) });
    await inbox.setStanding(mac(1), 'blocked');
    for (const last of [2, 3, 4]) machines.learn(seen(mac(last)), catalog);
    expect([1, 2, 3, 4].map((last) => machines.find(mac(last)) !== undefined)).toEqual([true, false, false, true]);
    expect(machines.find(HOST)).toBeDefined();
  });
});

describe('the inbox by API', () => {
  test('lists strangers with maker and architecture, and one call makes a host of one', async () => {
    const house = await startRealHouse();
    const apple = 'a4:83:e7:00:00:01' as Mac;
    house.machines.learn(
      seen(apple, { uuid: '77777777-0000-4000-8000-000000000001' }),
      house.core.inventory.snapshot(),
    );
    house.machines.add(apple, { smbios: { serial: 'XYZ' } });
    const list = await house.ask('GET', '/discovered');
    expect(list.json().items).toMatchObject([
      { mac: apple, vendor: expect.stringMatching(/^Apple/), architecture: '7 (0x07) x64 UEFI' },
    ]);

    const adopted = await house.ask('POST', `/discovered/${apple}/adopt`, {
      body: { name: 'mini', labels: { rack: 'r1' } },
    });
    expect(adopted.statusCode).toBe(201);
    expect(house.core.inventory.snapshot().hosts.get('mini')).toMatchObject({
      macs: [apple],
      uuid: '77777777-0000-4000-8000-000000000001',
      serial: 'XYZ',
      labels: { rack: 'r1' },
    });
    expect((await house.ask('GET', '/discovered')).json().items).toEqual([]);
  });

  test('ignored machines are listed only when asked for, and no machine is made up', async () => {
    const house = await startRealHouse();
    house.machines.learn(seen(STRANGER), house.core.inventory.snapshot());
    expect((await house.ask('POST', `/discovered/${STRANGER}/ignore`)).json()).toMatchObject({ standing: 'ignored' });
    expect((await house.ask('GET', '/discovered')).json().items).toEqual([]);
    expect((await house.ask('GET', '/discovered?standing=ignored')).json().items).toHaveLength(1);
    expect((await house.ask('POST', '/discovered/52:54:00:99:00:77/block')).statusCode).toBe(404);
    expect((await house.ask('DELETE', `/discovered/${STRANGER}`)).statusCode).toBe(204);
    expect(house.machines.find(STRANGER)).toBeUndefined();
  });
});

/** Keeps what was seen of machines, and the inbox of those that are no host: adopt, ignore, block. */
import { type Catalog, findHost } from './boot/catalog.ts';
import { formatArchitecture } from './boot/client.ts';
import type { RecordEvent } from './boot/event.ts';
import { type Machine, type MachineFacts, type MachineIndex, mergeFacts } from './boot/facts.ts';
import { AppError, messageOf } from './errors.ts';
import type { InboxAccess, InventoryAccess, Stranger } from './http/api-deps.ts';
import type { Mac } from './net/mac.ts';
import type { MachineStore } from './store/machines.ts';

export interface MachinesDeps {
  readonly store: MachineStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly record: RecordEvent;
  readonly log: { warn(fields: object, text: string): void };
  /** Strangers kept; beyond it the one not seen for longest goes. Default 10,000. */
  readonly keepStrangers?: number;
}

export interface Machines extends MachineIndex {
  /** Remembers what a machine said. Returns at once; written within half a second. */
  learn(facts: MachineFacts, snapshot: Catalog): void;
  /** More about a machine that was seen; false when it was not, so that nobody can fill the inbox by HTTP. */
  add(mac: Mac, facts: Omit<MachineFacts, 'mac'>): boolean;
  inbox(inventory: Pick<InventoryAccess, 'snapshot' | 'writeObject'>): InboxAccess;
  close(): Promise<void>;
}

const FLUSH_MS = 500;
/** Packets of one boot come within this time. */
const SAME_BOOT_MS = 60_000;
/** Strangers go when there are too many by this part of what is kept. */
const ROOM_PART = 50;

/** @throws what the store throws */
export async function createMachines(deps: MachinesDeps): Promise<Machines> {
  const { store, now, log, keepStrangers = 10_000 } = deps;
  // In order of sight, so that the first is the one not seen for longest.
  const loaded = await store.load();
  const byMac = new Map(loaded.sort((a, b) => a.lastSeenAt - b.lastSeenAt).map((machine) => [machine.mac, machine]));
  const dirty = new Set<Mac>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const done = writing.then(async () => {
      const macs = [...dirty];
      if (macs.length === 0) return;
      dirty.clear();
      try {
        await store.save(macs.flatMap((mac) => byMac.get(mac) ?? []));
        await store.remove(macs.filter((mac) => !byMac.has(mac)));
      } catch (error) {
        for (const mac of macs) dirty.add(mac);
        throw error;
      }
    });
    writing = done.catch(() => undefined);
    return done;
  };
  const flushSoon = () => {
    timer ??= setTimeout(() => {
      flush().catch((error) => {
        log.warn({ error: messageOf(error) }, 'seen machines cannot be stored; they wait in memory');
        flushSoon();
      });
    }, FLUSH_MS).unref();
  };
  const put = (machine: Machine) => {
    byMac.delete(machine.mac);
    byMac.set(machine.mac, machine);
    dirty.add(machine.mac);
    flushSoon();
  };

  /** Many at a time: the front of a map is slow to find once much was deleted there. */
  const makeRoom = (catalog: Catalog) => {
    let excess = byMac.size - keepStrangers - catalog.hostByMac.size;
    if (excess <= Math.floor(keepStrangers / ROOM_PART)) return;
    for (const [mac, { standing }] of byMac) {
      if (excess <= 0) return;
      if (standing !== 'new' || catalog.hostByMac.has(mac)) continue;
      byMac.delete(mac);
      dirty.add(mac);
      excess--;
    }
  };

  const found = (mac: Mac): Machine => {
    const machine = byMac.get(mac);
    if (!machine) throw new AppError('not-found', `No machine ${mac} was seen.`);
    return machine;
  };

  return {
    find: (mac) => byMac.get(mac),
    learn(facts, catalog) {
      const at = now();
      const known = byMac.get(facts.mac);
      const again = known !== undefined && at - known.lastSeenAt < SAME_BOOT_MS;
      put({
        mac: facts.mac,
        facts: mergeFacts(known?.facts, facts),
        standing: known?.standing ?? 'new',
        firstSeenAt: known?.firstSeenAt ?? at,
        lastSeenAt: at,
        times: (known?.times ?? 0) + (again ? 0 : 1),
      });
      if (known || findHost(catalog, facts)) return;
      makeRoom(catalog);
      const detail = { ...(facts.archCodes && { archCodes: facts.archCodes }), uuid: facts.uuid };
      const where = facts.network === undefined ? {} : { network: facts.network };
      deps.record({
        at,
        kind: 'machine.seen',
        summary: 'an unknown machine is in the inbox',
        mac: facts.mac,
        ...where,
        detail,
      });
    },
    add(mac, facts) {
      const known = byMac.get(mac);
      if (!known) return false;
      put({ ...known, facts: mergeFacts(known.facts, { mac, ...facts }) });
      return true;
    },
    inbox: ({ snapshot, writeObject }) => {
      const isStranger = ({ mac, facts }: Machine) => !findHost(snapshot(), { mac, uuid: facts.uuid });
      const view = async (machine: Machine): Promise<Stranger> => {
        const code = machine.facts.archCodes?.[0];
        const vendor = await findMaker(machine.mac);
        return {
          ...machine,
          ...(vendor !== undefined && { vendor }),
          ...(code !== undefined && { architecture: formatArchitecture(code) }),
        };
      };
      return {
        async list({ standings = ['new', 'blocked'] }) {
          const strangers = [...byMac.values()].filter((one) => standings.includes(one.standing) && isStranger(one));
          return Promise.all(strangers.reverse().map(view));
        },
        get: async (mac) => view(found(mac)),
        async adopt(mac, name, document = {}) {
          const { facts } = found(mac);
          const serial = facts.smbios?.serial;
          const filled = {
            macs: [mac],
            ...(facts.uuid !== undefined && { uuid: facts.uuid }),
            ...(serial !== undefined && serial.length <= 64 && { serial }),
            ...document,
          };
          const file = await writeObject('host', name, { kind: 'create', document: filled });
          // A host that goes again is a new stranger, not one that was ignored in another life.
          put({ ...found(mac), standing: 'new' });
          return file;
        },
        async setStanding(mac, standing) {
          const machine = { ...found(mac), standing };
          put(machine);
          await flush();
          return view(machine);
        },
        async forget(mac) {
          found(mac);
          byMac.delete(mac);
          dirty.add(mac);
          await flush();
        },
      };
    },
    async close() {
      await flush().catch((error) => log.warn({ error: messageOf(error) }, 'seen machines could not be stored'));
    },
  };
}

/** IEEE's register of makers: large, so it is read when somebody first looks. */
async function findMaker(mac: Mac): Promise<string | undefined> {
  const { default: makers } = await import('oui-data', { with: { type: 'json' } });
  return (makers as Readonly<Record<string, string>>)[mac.replaceAll(':', '').slice(0, 6).toUpperCase()]?.split(
    '\n',
  )[0];
}

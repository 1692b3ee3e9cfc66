/** A catalog made in slices: the same as the one made at once, with turns for others in between. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCatalogInSteps } from '../../src/boot/catalog.ts';
import type { Host } from '../../src/boot/host.ts';
import { assembleCatalog, assembleInSteps } from '../../src/files/assemble.ts';
import { runInTurns } from '../../src/files/in-turns.ts';
import { createInventory } from '../../src/files/inventory.ts';
import { type LoadedFiles, objectRef, readText } from '../../src/files/inventory-files.ts';
import { hostOf } from '../support/catalogs.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const HOSTS = 1000;
/** What is visited between two pauses, at most. */
const STEP = 64;
const ROOTS = { profilesRoot: '/srv/profiles', templatesRoot: '/srv/templates' };

function macOf(number: number): string {
  return `02:00:00:00:${[number >> 8, number & 255].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;
}

function filesOf(texts: Readonly<Record<string, string>>): LoadedFiles {
  const files = Object.entries(texts).map(([path, text]) => {
    const [kind, name = ''] = path.split(' ');
    const ref = objectRef(ROOTS, kind === 'host' ? 'host' : 'profile', name);
    return [ref.file, readText(ref, text, undefined, () => undefined)] as const;
  });
  return new Map(files);
}

/** Few MACs and few names, so that many of them clash; profiles may be absent, broken, or in a circle. */
const hostTexts = fc
  .record({
    mac: fc.nat(300),
    profile: fc.constantFrom('a', 'b', 'c', 'nobody'),
    size: fc.constantFrom('1', 'large'),
  })
  .map(({ mac, profile, size }) => `macs: ['${macOf(mac)}']\nprofile: ${profile}\nvars: {size: ${size}}\n`);
const profileTexts = fc.constantFrom(
  'kind: live\nkernel: linux\nparams: {properties: {size: {type: integer}}}\n',
  'kind: live\n',
  'extends: a\nkind: live\n',
  'extends: b\n',
  'kind: [\n',
);
const inventories = fc.record({
  hosts: fc.array(hostTexts, { maxLength: 200 }),
  profiles: fc.tuple(profileTexts, profileTexts, profileTexts),
});

describe('a catalog made in slices', () => {
  it('is the one made at once, problems and all, wherever it pauses', async () => {
    let found = 0;
    await fc.assert(
      fc.asyncProperty(inventories, fc.array(fc.nat(9), { minLength: 1 }), async ({ hosts, profiles }, ticks) => {
        const texts: Record<string, string> = {};
        for (const [index, text] of profiles.entries()) texts[`profile ${'abc'[index]}`] = text;
        for (const [index, text] of hosts.entries()) texts[`host h${index}`] = text;
        const files = filesOf(texts);
        let at = 0;
        let looks = 0;
        const clock = () => {
          at += ticks[looks % ticks.length] ?? 0;
          looks += 1;
          return at;
        };
        const sliced = await runInTurns(assembleInSteps(files, new Set()), { clock, giveTurn: async () => undefined });
        const whole = assembleCatalog(files, new Set());
        expect(sliced).toEqual(whole);
        found += whole.problems.length;
      }),
      { numRuns: 40 },
    );
    expect(found).toBeGreaterThan(0);
  });

  it('never looks at more hosts in one go than a step has', () => {
    let seen = 0;
    const hosts = Array.from({ length: HOSTS }, (_, number): Host => {
      const host = hostOf(`h${number}`, { macs: [macOf(number)] });
      return Object.defineProperty({ ...host }, 'name', {
        get: () => {
          seen += 1;
          return host.name;
        },
      });
    });
    const work = buildCatalogInSteps({ hosts, profiles: [], networks: [], routes: [], installed: new Set() });
    const strides: number[] = [];
    for (let step = work.next(), before = 0; ; step = work.next()) {
      strides.push(seen - before);
      before = seen;
      if (step.done) break;
    }
    expect(seen).toBeGreaterThanOrEqual(HOSTS);
    // The rest of one pass and the first step of the next may be one stride.
    expect(Math.max(...strides)).toBeLessThanOrEqual(2 * STEP);
  });
});

describe('runInTurns', () => {
  async function run(costs: readonly number[]) {
    const order: string[] = [];
    let at = 0;
    const work = function* () {
      for (const [index, cost] of costs.entries()) {
        at += cost;
        order.push(`${index}`);
        yield;
      }
      return 'made';
    };
    const giveTurn = async () => {
      order.push('other');
      at += 100;
    };
    expect(await runInTurns(work(), { clock: () => at, giveTurn })).toBe('made');
    return order.join(' ');
  }

  it('gives the turn back once its share of 4 ms is used, and starts anew after it', async () => {
    expect(await run([1, 1, 1, 1, 1, 1, 9, 1])).toBe('0 1 2 3 other 4 5 6 other 7');
  });

  it('keeps the turn for short work', async () => {
    expect(await run([1, 1, 1])).toBe('0 1 2');
  });

  it('lets work that was asked for earlier go first, as often as it hands over', async () => {
    let others = 0;
    let isOn = true;
    const other = () => {
      others += 1;
      if (isOn) setImmediate(other);
    };
    setImmediate(other);
    let at = 0;
    const work = function* () {
      for (let step = 0; step < 50; step++) yield;
    };
    const { setImmediate: giveTurn } = await import('node:timers/promises');
    await runInTurns(work(), { clock: () => (at += 4), giveTurn: () => giveTurn() });
    isOn = false;
    expect(others).toBeGreaterThanOrEqual(24);
  });

  it('passes on what the work throws', async () => {
    // biome-ignore lint/correctness/useYield: it fails before its first pause.
    const work = function* () {
      throw new Error('broken');
    };
    await expect(runInTurns(work())).rejects.toThrow('broken');
  });
});

describe('a reload of many hosts', () => {
  function start() {
    const texts: Record<string, string> = {
      'templates/routes.yaml': 'routes: []\n',
      'profiles/a.yaml': 'kind: menu\n',
    };
    for (let number = 0; number < 300; number++) {
      texts[`profiles/hosts/h${number}.yaml`] = `macs: ['${macOf(number)}']\nprofile: a\n`;
    }
    const tree = temporaryTree(texts);
    const inventory = createInventory({
      profilesRoot: tree.at('profiles'),
      templatesRoot: tree.at('templates'),
      imagesRoot: tree.at('boot-images'),
      checkOption: () => undefined,
      record: () => undefined,
      log: { info: () => undefined, warn: () => undefined },
    });
    return { tree, inventory };
  }

  it('serves the old catalog until the new one is whole', async () => {
    const { tree, inventory } = start();
    await inventory.reload();
    const old = inventory.snapshot();
    tree.write('profiles/hosts/h299.yaml', `macs: ['${macOf(999)}']\n`);
    const seen = new Set<unknown>();
    let isOn = true;
    const look = () => {
      seen.add(inventory.snapshot());
      if (isOn) setImmediate(look);
    };
    setImmediate(look);
    const before = inventory.epochs[0] ?? 0;
    await inventory.reload();
    isOn = false;
    expect([...seen].filter((one) => one !== inventory.snapshot())).toEqual([old]);
    expect(inventory.epochs[0]).toBe(before + 1);
    expect(inventory.snapshot().hosts.get('h299')?.macs).toEqual([hostOf('x', { macs: [macOf(999)] }).macs[0]]);
  });

  it('and another one at once wait for each other, and an edit in between is not lost', async () => {
    const { tree, inventory } = start();
    const first = inventory.reload();
    const edit = inventory.writeObject('host', 'h7', { kind: 'merge', patch: { serial: 'S7' } });
    tree.write('profiles/hosts/late.yaml', `macs: ['${macOf(1000)}']\n`);
    const second = inventory.reload();
    expect(await first).toBe(true);
    await edit;
    expect(await second).toBe(true);
    const { hosts } = inventory.snapshot();
    expect(hosts.has('late')).toBe(true);
    expect(hosts.get('h7')?.serial).toBe('S7');
  });
});

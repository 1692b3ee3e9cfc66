/** The mind and the files behind it, with 10,000 hosts: ours only, there is nothing to compare with. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { BootClient } from '../src/boot/client.ts';
import { findArchitecture } from '../src/boot/client.ts';
import { decide } from '../src/boot/decide.ts';
import { loadConfig } from '../src/config.ts';
import { type Core, createCore } from '../src/core.ts';
import { formatMac, type Mac, macFromBytes } from '../src/net/mac.ts';
import { writeAppliance } from './contender.ts';
import { type BenchOptions, median } from './measure.ts';
import type { BenchReport, Row } from './report.ts';

const HOSTS = 10_000;
const PROFILES = 200;
const EDITS = 15;
const DECISIONS = 20_000;
const FILES = 500;
/** Passes over the files before they are timed: a storm lasts longer than the compiler needs. */
const WARM_UP = 3;

/** Results of a round by case; `decide` is µs, `cold` and `warm` µs a file, the others ms. */
interface Round {
  readonly load: number;
  readonly again: number;
  readonly one: number;
  /** The most the thread worked, in such a reload, before anything else got a turn. */
  readonly pause: number;
  readonly edit: number;
  readonly decide: number;
  readonly cold: number;
  readonly warm: number;
}

export async function benchDecide(options: BenchOptions): Promise<BenchReport> {
  const settings = await writeInventory(options.directory);
  const rounds: Round[] = [];
  for (let round = 0; round < options.rounds; round++) {
    if (round > 0 && performance.now() > options.deadline) break;
    rounds.push(await measure(settings, options.directory));
  }
  const row = (name: string, unit: string, value: (round: Round) => number): Row => ({
    bench: 'decide',
    case: name,
    unit,
    better: 'less',
    cells: [{ who: 'hobnail', value: median(rounds.map(value)) }],
  });
  return {
    rows: [
      row('one decision for a known host', 'µs', (round) => round.decide),
      row('a PXELINUX configuration, the first 500 after a load', 'µs', (round) => round.cold),
      row('the same, once warm', 'µs', (round) => round.warm),
      row(`loading ${HOSTS} hosts and ${PROFILES} profiles`, 'ms', (round) => round.load),
      row('reload, nothing changed', 'ms', (round) => round.again),
      row('reload, one host changed', 'ms', (round) => round.one),
      row('the longest other work waits in a reload (processor time)', 'ms', (round) => round.pause),
      row('an edit of a host by API, until decisions are made by it', 'ms', (round) => round.edit),
    ],
    remarks: rounds.length < options.rounds ? [`only ${rounds.length} rounds in the time`] : [],
  };
}

async function writeInventory(directory: string): Promise<string> {
  const settings = await writeAppliance(
    directory,
    {},
    {
      'networks/lab.yaml': { subnet: '10.0.0.1/8', mode: 'server', pools: ['10.200.0.0-10.200.255.255'] },
      'rescue.yaml': { kind: 'live', kernel: 'rescue/vmlinuz', initrd: ['rescue/initrd.img'], args: ['quiet'] },
    },
  );
  for (let number = 0; number < PROFILES; number++) {
    const profile = { kind: 'live', kernel: 'rescue/vmlinuz', args: ['quiet', `profile=${number}`], vars: { number } };
    await writeFile(join(directory, `profiles/system-${number}.yaml`), stringify(profile));
  }
  for (let number = 0; number < HOSTS; number++) await writeHost(directory, number, 'a1');
  for (const file of ['vmlinuz', 'initrd.img']) await writeFile(join(directory, `boot-images/${file}`), '');
  return settings;
}

function writeHost(directory: string, number: number, rack: string): Promise<void> {
  const address = `10.${1 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
  const document = { macs: [macOf(number)], address, profile: profileOf(number), labels: { rack }, vars: { number } };
  return writeFile(join(directory, `profiles/hosts/node-${number}.yaml`), stringify(document));
}

/** Every second host has the first of them, as in a house with one standard; the others are spread. */
function profileOf(number: number): string {
  return number % 2 === 0 ? 'rescue' : `system-${number % PROFILES}`;
}

function macOf(number: number): Mac {
  const mac = macFromBytes(Uint8Array.of(2, 0, 0, number >> 16, (number >> 8) & 255, number & 255));
  if (!mac) throw new Error(`no MAC for ${number}`);
  return mac;
}

async function measure(settings: string, directory: string): Promise<Round> {
  const { config } = loadConfig(settings, directory);
  const startedAt = performance.now();
  const core = await createCore({
    config,
    ports: { http: config.http.port, tftp: config.tftp.port },
    log: { info: () => {}, warn: () => {} },
    record: () => {},
    now: Date.now,
  });
  const load = performance.now() - startedAt;
  try {
    const { hosts } = core.inventory.snapshot();
    if (hosts.size !== HOSTS) throw new Error(`${hosts.size} hosts: ${JSON.stringify(core.inventory.problems()[0])}`);
    const again = await timed(() => core.inventory.reload());
    await writeHost(directory, 77, `b${startedAt}`);
    const turns = watchTurns();
    const one = await timed(() => core.inventory.reload());
    const pause = turns.end();
    const edit = await measureEdits(core);
    const cold = await timed(() => renderAll(core));
    for (let pass = 0; pass < WARM_UP; pass++) await renderAll(core);
    const warm = await timed(() => renderAll(core));
    measureDecisions(core);
    return {
      load,
      again,
      one,
      pause,
      edit,
      decide: measureDecisions(core),
      cold: (cold * 1000) / FILES,
      warm: (warm * 1000) / FILES,
    };
  } finally {
    await core.close();
  }
}

/** The median of some edits; each is seen by the decision that follows. */
async function measureEdits(core: Core): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < EDITS; count++) {
    const name = `node-${(count * 613) % HOSTS}`;
    const serial = `edit-${count}`;
    times.push(await timed(() => core.inventory.writeObject('host', name, { kind: 'merge', patch: { serial } })));
    if (core.inventory.snapshot().hosts.get(name)?.serial !== serial)
      throw new Error(`${name} is not what was written`);
  }
  return median(times);
}

/**
 * Takes every turn there is, and remembers the longest wait for one: in processor time of this thread, garbage collection
 * included, since what other programs take away meanwhile says nothing about the reload.
 */
function watchTurns(): { end(): number } {
  let longest = 0;
  let last = threadTime();
  let isOn = true;
  const turn = () => {
    const now = threadTime();
    longest = Math.max(longest, now - last);
    last = now;
    if (isOn) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    end() {
      isOn = false;
      return Math.max(longest, threadTime() - last);
    },
  };
}

/** Milliseconds. */
function threadTime(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

function measureDecisions(core: Core): number {
  const catalog = core.inventory.snapshot();
  const [network] = catalog.networks.values();
  const arch = findArchitecture(0);
  if (!network || !arch) throw new Error('the inventory has no network');
  const clients = Array.from({ length: 1000 }, (_, index): BootClient => {
    const mac = macOf((index * 7919) % HOSTS);
    return { mac, kind: 'pxe', arch, archCodes: [0], userClasses: [] };
  });
  let known = 0;
  const startedAt = performance.now();
  for (let count = 0; count < DECISIONS; count++) {
    const client = clients[count % clients.length];
    if (client && decide(client, catalog, network).host) known++;
  }
  if (known !== DECISIONS) throw new Error(`${known} of ${DECISIONS} machines were known`);
  return ((performance.now() - startedAt) * 1000) / DECISIONS;
}

async function renderAll(core: Core): Promise<void> {
  for (let number = 0; number < FILES; number++) {
    const path = `pxelinux.cfg/01-${formatMac(macOf(number), 'hyphen')}`;
    const file = await core.open(path, {
      ip: '10.200.0.1',
      transport: 'tftp',
      localAddress: '10.0.0.1',
      mac: macOf(number),
    });
    if (file.kind !== 'content' || file.host !== `node-${number}`) throw new Error(`${path}: ${file.kind}`);
    await file.close();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

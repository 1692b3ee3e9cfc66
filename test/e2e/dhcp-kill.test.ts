/** `kill -9` in the middle of a crowd, again and again: what was acknowledged is known, and no address has two machines. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import { holdersOf, watchDhcp } from './dhcp-wire.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { checkRequirements } from './requirements.ts';
import { execOn, layOut, SERVER, startServe } from './serve.ts';

const KILLS = 6;
const LOAD = fileURLToPath(new URL('../../bench/dhcp-load.ts', import.meta.url));

describe.skipIf(!(await checkRequirements('interop')))('kill -9 while machines come', () => {
  let files: TestDirectory;
  let lan: Lan;
  let server: Station;
  let agent: Station;

  beforeAll(async () => {
    files = await makeDirectory('dhcp-kill');
    lan = await createLan('e2e-kill');
    await layOut(files.path, {
      'hobnail.yaml': { log: { format: 'json' }, tftp: { enabled: false }, http: { enabled: false } },
      'profiles/networks/lab.yaml': {
        interface: 'lan0',
        subnet: '10.77.0.0/16',
        mode: 'server',
        pools: ['10.77.16.0-10.77.255.250'],
      },
    });
    server = await lan.attach('server', '10.77.0.1/16');
    agent = await lan.attach('agent', '10.77.0.2/16');
  });
  afterAll(async () => {
    await lan?.close();
    await files?.close();
  });

  /** A hundred machines at once, until all have an address or `timeoutMs` is over; each asks again every 300 ms. */
  async function crowd(first: number, clients: number, timeoutMs: number): Promise<{ done: number; failed: number }> {
    const load = {
      server: SERVER,
      relay: agent.address,
      clients,
      atOnce: 100,
      first,
      retryMs: 300,
      tries: 60,
      timeoutMs,
    };
    const { stdout } = await execOn(agent, [process.execPath, LOAD, JSON.stringify(load)], 120_000);
    return JSON.parse(stdout);
  }

  test('every lease on the wire is in the database under the same machine, and is given to it again', async () => {
    const wire = await watchDhcp(server, files.path, 'kill');
    // More machines than can be served before the last kill; no new one begins after that.
    const running = crowd(1000, 30_000, 60_000);
    for (let kill = 0; kill < KILLS; kill++) {
      const daemon = await startServe(server, files.path, { log: `killed-${kill}.log` });
      await daemon.waitForLog(/"kind":"dhcp\.ack"/, 15_000);
      await new Promise((resolve) => setTimeout(resolve, 70 * (kill + 1)));
      process.kill(daemon.pid, 'SIGKILL');
      expect(await daemon.ended).toBe('SIGKILL');
    }
    const last = await startServe(server, files.path, { log: 'last.log' });
    const { done, failed } = await running;
    expect(failed).toBe(0);
    expect(done).toBeGreaterThan(KILLS * 20);
    const again = await crowd(1000, done, 60_000);
    expect(again).toMatchObject({ done, failed: 0 });
    await last.close();

    const holders = holdersOf(await wire.answers());
    expect(holders.size).toBeGreaterThanOrEqual(done);
    expect([...holders].filter(([, macs]) => macs.size !== 1)).toEqual([]);
    // Each machine has kept its address through all of it.
    const machines = [...holders.values()].flatMap((macs) => [...macs]);
    expect(new Set(machines).size).toBe(machines.length);
    const stored = boundLeases();
    expect([...holders].filter(([address, macs]) => !macs.has(stored.get(address) ?? ''))).toEqual([]);
  }, 300_000);

  function boundLeases(): Map<string, string> {
    const database = new Database(join(files.path, 'data', 'hobnail.db'), { readonly: true });
    try {
      const rows = database.prepare("select address, mac from leases where state = 'bound'").all();
      return new Map((rows as { address: string; mac: string }[]).map(({ address, mac }) => [address, mac]));
    } finally {
      database.close();
    }
  }
});

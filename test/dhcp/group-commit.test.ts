import { expect, it } from 'vitest';
import type { Lease } from '../../src/boot/lease.ts';
import { createGroupCommit } from '../../src/dhcp/group-commit.ts';
import { ipv4, mac } from '../support/dhcp-world.ts';

const lease = (last: number, owner = 1): Lease => ({
  network: 'lab',
  address: ipv4(`10.0.0.${last}`),
  mac: mac(owner),
  state: 'bound',
  startsAt: 0,
  expiresAt: owner,
});

function setUp(fail: (batch: number) => boolean = () => false) {
  const batches: string[][] = [];
  const turns: (() => void)[] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const commit = createGroupCommit(
    async (leases) => {
      batches.push(leases.map((one) => `${one.address}=${one.expiresAt}`));
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      await gate.promise;
      if (fail(batches.length)) throw new Error('disk full');
    },
    (run) => turns.push(run),
  );
  const turn = async () => {
    for (const run of turns.splice(0)) run();
    await Promise.resolve();
  };
  return { commit, batches, gates, turn };
}

it('commits what came in one turn together, the newest of each address', async () => {
  const { commit, batches, gates, turn } = setUp();
  const done = [commit([lease(1)]), commit([lease(2)]), commit([lease(1, 9)])];
  expect(batches).toEqual([]);
  await turn();
  expect(batches).toEqual([['10.0.0.1=9', '10.0.0.2=1']]);
  gates[0]?.resolve();
  await Promise.all(done);
});

it('never overlaps commits: what comes meanwhile waits and goes together', async () => {
  const { commit, batches, gates, turn } = setUp();
  const first = commit([lease(1)]);
  await turn();
  const rest = [commit([lease(2)]), commit([lease(3)])];
  await turn();
  expect(batches).toHaveLength(1);
  gates[0]?.resolve();
  await first;
  await turn();
  expect(batches[1]).toEqual(['10.0.0.2=1', '10.0.0.3=1']);
  gates[1]?.resolve();
  await Promise.all(rest);
});

it('tells every request of a failed batch, and goes on with the next', async () => {
  const { commit, gates, turn } = setUp((batch) => batch === 1);
  const failed = [commit([lease(1)]), commit([lease(2)])];
  const outcomes = Promise.allSettled(failed);
  await turn();
  gates[0]?.resolve();
  expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  const next = commit([lease(3)]);
  await turn();
  gates[1]?.resolve();
  await expect(next).resolves.toBeUndefined();
});

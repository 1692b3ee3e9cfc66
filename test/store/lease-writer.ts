/** Child process of the kill test: commits leases one by one and prints each address after it was acknowledged. */
import { writeSync } from 'node:fs';
import { createStore } from '../../src/store/store.ts';
import { leaseAt } from '../contract/store-fixtures.ts';

const [, , file = ''] = process.argv;
const store = await createStore({ file, now: Date.now, log: { warn: console.error }, thread: true });
for (let i = 0; i < 60_000; i++) {
  const lease = leaseAt(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`);
  await store.leases.commit([lease]);
  writeSync(1, `${lease.address}\n`);
}

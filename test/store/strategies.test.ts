import { expect, it } from 'vitest';
import { createStore } from '../../src/store/store.ts';

it('what was learnt of firmware is kept, the newest word of each', async () => {
  const store = await createStore({ file: ':memory:', now: () => 1, log: { warn() {} } });
  await store.strategies.save([
    { key: '52:54:00:00:00:01', strategy: 'a', at: 1 },
    { key: 'firmware 7', strategy: 'a', at: 2 },
  ]);
  await store.strategies.save([{ key: '52:54:00:00:00:01', strategy: 'b', at: 3 }]);
  await store.strategies.save([]);
  expect(await store.strategies.load()).toEqual([
    { key: 'firmware 7', strategy: 'a', at: 2 },
    { key: '52:54:00:00:00:01', strategy: 'b', at: 3 },
  ]);
  await store.close();
});

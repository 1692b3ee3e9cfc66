import { expect, test } from 'vitest';
import { createHeldQuestions, MOST_HELD, STILL_LISTENS_MS } from '../../src/dhcp/held-questions.ts';
import { mac, START } from '../support/dhcp-world.ts';

test('the last question of each machine comes back once, in order, of its network alone', () => {
  const held = createHeldQuestions<string>();
  held.keep('lab', mac(1), 'first', START);
  held.keep('lab', mac(2), 'other', START + 1);
  held.keep('lab', mac(1), 'again', START + 2);
  held.keep('far', mac(3), 'far', START);
  expect(held.release('lab', START + 10)).toEqual(['other', 'again']);
  expect([held.release('lab', START + 10), held.release('far', START)]).toEqual([[], ['far']]);
});

test('who has given up is not answered', () => {
  const held = createHeldQuestions<number>();
  held.keep('lab', mac(1), 1, START);
  held.keep('lab', mac(2), 2, START + 500);
  expect(held.release('lab', START + STILL_LISTENS_MS + 1)).toEqual([2]);
});

test('however many ask, only so many are remembered, the latest', () => {
  const held = createHeldQuestions<number>();
  for (let n = 0; n < 10 * MOST_HELD; n++) held.keep('lab', mac(n), n, START);
  const kept = held.release('lab', START);
  expect([kept.length, kept.at(-1)]).toEqual([MOST_HELD, 10 * MOST_HELD - 1]);
});

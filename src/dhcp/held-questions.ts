/** Machines that asked while their network was held back: the last question of each, answered when it opens. No clock. */
import type { Mac } from '../net/mac.ts';

/** Firmware collects offers for about 4 s (EDK2) and then asks anew; the rest is for a busy machine: late answers are dropped. */
export const STILL_LISTENS_MS = 6_000;
/** Machines remembered for a network; the first of more are forgotten, and ask again by themselves. */
export const MOST_HELD = 256;

export interface HeldQuestions<T> {
  /** Takes the place of what the machine asked before. */
  keep(network: string, mac: Mac, question: T, now: number): void;
  /** Those whose machines still listen, in the order they came; forgets all of the network. */
  release(network: string, now: number): readonly T[];
}

export function createHeldQuestions<T>(): HeldQuestions<T> {
  const held = new Map<string, Map<Mac, { readonly question: T; readonly at: number }>>();
  return {
    keep(network, mac, question, now) {
      const ofNetwork = held.get(network) ?? new Map<Mac, { readonly question: T; readonly at: number }>();
      held.set(network, ofNetwork);
      ofNetwork.delete(mac);
      ofNetwork.set(mac, { question, at: now });
      if (ofNetwork.size > MOST_HELD) ofNetwork.delete(ofNetwork.keys().next().value ?? mac);
    },
    release(network, now) {
      const all = [...(held.get(network)?.values() ?? [])];
      held.delete(network);
      return all.filter(({ at }) => now - at <= STILL_LISTENS_MS).map(({ question }) => question);
    },
  };
}

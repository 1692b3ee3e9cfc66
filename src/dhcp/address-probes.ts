/** Is somebody there? Questions about addresses before they are offered (RFC 2131 §3.1, RFC 5227), side by side, without a clock. */
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';

/** Who has the address, if anybody spoke; never the client it is meant for. */
export type ProbeResult = { readonly kind: 'silent' } | { readonly kind: 'taken'; readonly by: Mac };

export interface AddressProbes {
  /**
   * Waits for an owner of the address. `isNew` is false when the question is on the wire already, or was answered by silence
   * a moment ago.
   */
  ask(question: ProbeQuestion, now: number, then: (result: ProbeResult) => void): { readonly isNew: boolean };
  heard(interfaceName: string, address: Ipv4, mac: Mac): void;
  /** Ends questions whose time is over. */
  tick(now: number): void;
  /** Whether anything is waited for. */
  isWaiting(): boolean;
}

export interface ProbeQuestion {
  readonly interface: string;
  readonly address: Ipv4;
  /** The client: its own answer is no conflict. */
  readonly mac: Mac;
  /** How long silence has to be. */
  readonly waitMs: number;
}

/** So long silence holds for the next who is offered the address. */
export const FRESH_MS = 60_000;
/** A crowd is not made to wait: beyond so many questions at once an offer leaves without one. */
export const MOST_WAITING = 64;
const MOST_REMEMBERED = 4096;

interface Waiting extends ProbeQuestion {
  readonly until: number;
  readonly waiters: ((result: ProbeResult) => void)[];
}

export function createAddressProbes(): AddressProbes {
  const waiting = new Map<string, Waiting>();
  const silentUntil = new Map<string, number>();

  function end(key: string, one: Waiting, result: ProbeResult): void {
    waiting.delete(key);
    for (const tell of one.waiters) tell(result);
  }

  return {
    ask(question, now, then) {
      const key = `${question.interface} ${question.address}`;
      const known = waiting.get(key);
      if (known && known.mac === question.mac) {
        known.waiters.push(then);
        return { isNew: false };
      }
      const isFresh = (silentUntil.get(key) ?? 0) > now;
      if (known || isFresh || waiting.size >= MOST_WAITING) {
        then({ kind: 'silent' });
        return { isNew: false };
      }
      waiting.set(key, { ...question, until: now + question.waitMs, waiters: [then] });
      return { isNew: true };
    },
    heard(name, address, mac) {
      const key = `${name} ${address}`;
      silentUntil.delete(key);
      const one = waiting.get(key);
      if (one && one.mac !== mac) end(key, one, { kind: 'taken', by: mac });
    },
    tick(now) {
      for (const [key, one] of waiting) {
        if (one.until > now) continue;
        silentUntil.delete(key);
        silentUntil.set(key, now + FRESH_MS);
        if (silentUntil.size > MOST_REMEMBERED) silentUntil.delete(silentUntil.keys().next().value ?? '');
        end(key, one, { kind: 'silent' });
      }
    },
    isWaiting: () => waiting.size > 0,
  };
}

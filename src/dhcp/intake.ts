/** Floods end here: each machine has its share, and who only looks for an address waits for those who have one. No clock. */
import { ANY_ADDRESS } from '../net/ipv4.ts';
import { type Mac, macFromBytes } from '../net/mac.ts';
import { createRateLimit, createTurnstile } from './admission.ts';
import { messageTypeOf } from './options.ts';
import type { Packet } from './packet.ts';

export interface IntakeDeps<T> {
  readonly answer: (arrival: T) => void;
  /** An arrival whose bytes outlive this turn. */
  readonly keep: (arrival: T) => T;
  /** Runs work in the next turn of the loop. */
  readonly soon: (work: () => void) => void;
  readonly count: (name: string) => void;
  /** A machine is cut off; told once a minute of each. */
  readonly tell: (mac: Mac, arrival: T) => void;
}

/** Takes a request: answered now, in a later turn, or never. */
export type Intake<T> = (arrival: T, now: number) => void;

export function createIntake<T extends { readonly request: Packet }>(deps: IntakeDeps<T>): Intake<T> {
  const askers = createRateLimit();
  /** A bucket of their own: whoever asks without end in somebody's name does not cost it its address. */
  const renewers = createRateLimit();
  const turnstile = createTurnstile<() => T>();
  let isTurning = false;

  function begin(): void {
    if (isTurning) return;
    isTurning = true;
    deps.soon(() => {
      isTurning = false;
      const due = turnstile.turn();
      if (due.length > 0) begin();
      for (const arrival of due) deps.answer(arrival());
    });
  }

  return (arrival, now) => {
    const { request } = arrival;
    const mac = macFromBytes(request.chaddr);
    const limit = request.ciaddr === ANY_ADDRESS ? askers : renewers;
    const verdict = mac === undefined ? 'heard' : limit.admit(mac, now);
    if (verdict !== 'heard') {
      deps.count('rate_limited');
      if (verdict === 'refused-news' && mac) deps.tell(mac, arrival);
      return;
    }
    if (messageTypeOf(request) !== 'DISCOVER') {
      deps.answer(arrival);
      return;
    }
    begin();
    let held = arrival;
    const taken = turnstile.take(() => held);
    if (taken.kind === 'now') {
      deps.answer(arrival);
      return;
    }
    held = deps.keep(arrival);
    if (taken.dropped) deps.count('dropped_discover');
  };
}

/** Floods end here: each machine has its share, and who only looks for an address waits for those who have one. No clock. */
import { ANY_ADDRESS } from '../net/ipv4.ts';
import { type Mac, macFromBytes } from '../net/mac.ts';
import { createRateLimit, createTurnstile, type Verdict } from './admission.ts';
import { messageTypeOf } from './options.ts';
import type { Packet } from './packet.ts';

interface Sender {
  readonly address: string;
  readonly port: number;
}

/** What is looked at of an arrival. */
interface Asking {
  readonly request: Packet;
  readonly datagram: { readonly from: Sender };
}

export interface IntakeDeps<T> {
  /** Whether something was offered to its sender or is on record for it: only then it is heard before those who look. */
  readonly isKnown: (request: Packet) => boolean;
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

export function createIntake<T extends Asking>(deps: IntakeDeps<T>): Intake<T> {
  const askers = createRateLimit<Mac>();
  /** By machine and place: whoever asks without end in somebody's name, from elsewhere, does not cost it its address. */
  const renewers = createRateLimit<string>();
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

  function admit(mac: Mac, { ciaddr }: Packet, source: Sender, now: number): Verdict {
    return ciaddr === ANY_ADDRESS
      ? askers.admit(mac, now)
      : renewers.admit(`${mac} ${source.address} ${source.port}`, now);
  }

  /** It has nothing here yet: it says so itself, or it asks for what nobody offered it. */
  function isLooking(request: Packet): boolean {
    const message = messageTypeOf(request);
    return message === 'DISCOVER' || message === 'LEASEQUERY' || (message === 'REQUEST' && !deps.isKnown(request));
  }

  return (arrival, now) => {
    const { request, datagram } = arrival;
    const mac = macFromBytes(request.chaddr);
    // The machine in a leasequery is not the one who asks.
    const asksForOthers = messageTypeOf(request) === 'LEASEQUERY';
    const verdict = mac === undefined || asksForOthers ? 'heard' : admit(mac, request, datagram.from, now);
    if (verdict !== 'heard') {
      deps.count('rate_limited');
      if (verdict === 'refused-news' && mac) deps.tell(mac, arrival);
      return;
    }
    if (!isLooking(request)) {
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

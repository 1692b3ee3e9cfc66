/**
 * Whether a network may answer beside others: a pool that nobody has leases of yet is not opened on a wire where another
 * DHCP server answers. A state machine without a clock; `coexistence.ts` asks the wire and turns the time.
 */

/** When the wire is asked after the start of a question, and when silence counts: dnsmasq pings 3 s before it offers. */
export const ASK_AT_MS = [0, 1_500] as const;
export const LISTEN_MS = 4_000;
/** While held back the wire is asked again so often. */
export const ASK_AGAIN_MS = 30_000;

export type GuardState =
  /** Answers nobody until `until`. */
  | { readonly kind: 'asking'; readonly since: number; readonly asked: number; readonly heldBefore: boolean }
  | { readonly kind: 'clear' }
  /** Another server answered; asked again at `again`. */
  | { readonly kind: 'held'; readonly again: number };

export type GuardEvent = { readonly kind: 'foreign' } | { readonly kind: 'time' };

export interface GuardStep {
  readonly state: GuardState;
  /** Send a DISCOVER of our own. */
  readonly ask: boolean;
}

export function startGuard(now: number): GuardState {
  return { kind: 'asking', since: now, asked: 0, heldBefore: false };
}

/** @param strict whether an open pool is closed again when another server turns up, as on an isolated switch */
export function stepGuard(state: GuardState, event: GuardEvent, now: number, strict: boolean): GuardStep {
  const stay = { state, ask: false };
  if (event.kind === 'foreign') {
    if (state.kind === 'clear' && !strict) return stay;
    return { state: { kind: 'held', again: now + ASK_AGAIN_MS }, ask: false };
  }
  switch (state.kind) {
    case 'clear':
      return stay;
    case 'held':
      if (now < state.again) return stay;
      return { state: { kind: 'asking', since: now, asked: 1, heldBefore: true }, ask: true };
    case 'asking': {
      const due = ASK_AT_MS[state.asked];
      if (due !== undefined && now - state.since >= due)
        return { state: { ...state, asked: state.asked + 1 }, ask: true };
      return now - state.since < LISTEN_MS ? stay : { state: { kind: 'clear' }, ask: false };
    }
    default:
      return state satisfies never;
  }
}

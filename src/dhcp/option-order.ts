/** Which options go first, and which stay out when a reply is too small for all. */
import { MAX_PIECE, OPTION_OVERLOAD, OPTION_RELAY_AGENT, wireLength } from './option-area.ts';

/** `options` first, then `file`, then `sname`: also the order in which a receiver joins the pieces of one code. */
export type AreaName = 'options' | 'file' | 'sname';

/** Which fields hold options besides the option field (RFC 2132 §9.3): 0 none, 1 `file`, 2 `sname`, 3 both. */
export type Overload = 0 | 1 | 2 | 3;

/** Where each option goes. */
export interface Placement {
  readonly areas: Readonly<Record<AreaName, readonly number[]>>;
  readonly overload: Overload;
  /** Codes that found no room, the least needed first to go. */
  readonly dropped: readonly number[];
}

// Some stacks scan only the first bytes for 53, 54 and 51. Then what a client cannot do without, then what boots it:
// sent whether asked for or not, because the parameter request lists of ROMs lie.
export const FIRST_OPTIONS: readonly number[] = [53, 54, 51];
const NEEDED = [1, 3, 6, 58, 59];
const BOOT = [60, 66, 67, 43, 97, 150, 175, 208, 209, 210, 211];
const ALWAYS_FIRST = [...FIRST_OPTIONS, ...NEEDED, ...BOOT];

const FILE_ROOM = 128;
const SNAME_ROOM = 64;
const END_LENGTH = 1;
const OVERLOAD_LENGTH = 3;

/**
 * The codes in the order they are written: 53, 54, 51, the address options, the boot options, the client's parameter
 * request list (`order`), everything else as given, and option 82 last (RFC 3046 §2.1).
 */
export function orderOptions(codes: Iterable<number>, order: Iterable<number> = []): number[] {
  const left = new Set(codes);
  left.delete(OPTION_OVERLOAD);
  const relay = left.delete(OPTION_RELAY_AGENT);
  const ordered: number[] = [];
  for (const list of [ALWAYS_FIRST, order]) {
    for (const code of list) if (left.delete(code)) ordered.push(code);
  }
  ordered.push(...left);
  if (relay) ordered.push(OPTION_RELAY_AGENT);
  return ordered;
}

/**
 * Places ordered options into `room` bytes of option field and, only when that is not enough, into the fields that are
 * free. An option stays whole in one area, because few clients join pieces across areas. What fits nowhere is dropped;
 * an option never pushes out one before it, and option 82 is never dropped while it fits at all.
 */
export function placeOptions(
  ordered: readonly number[],
  options: ReadonlyMap<number, Uint8Array>,
  room: number,
  free: { readonly file: boolean; readonly sname: boolean },
): Placement {
  const choices: Overload[] = [0];
  if (free.file) choices.push(1);
  if (free.sname) choices.push(2);
  if (free.file && free.sname) choices.push(3);
  let best: Placement | undefined;
  for (const overload of choices) {
    const placement = placeWith(overload, ordered, options, room);
    if (placement.dropped.length === 0) return placement;
    if (!best || worth(placement, ordered) > worth(best, ordered)) best = placement;
  }
  return best ?? placeWith(0, ordered, options, room);
}

function placeWith(
  overload: Overload,
  ordered: readonly number[],
  options: ReadonlyMap<number, Uint8Array>,
  room: number,
): Placement {
  const areas: Record<AreaName, number[]> = { options: [], file: [], sname: [] };
  const left: Record<AreaName, number> = {
    options: room - END_LENGTH - (overload === 0 ? 0 : OVERLOAD_LENGTH),
    file: overload & 1 ? FILE_ROOM - END_LENGTH : 0,
    sname: overload & 2 ? SNAME_ROOM - END_LENGTH : 0,
  };
  const relay = options.get(OPTION_RELAY_AGENT);
  const relayLength = relay ? wireLength(relay) : 0;
  const relayFits = relay !== undefined && relayLength <= left.options;
  if (relayFits) left.options -= relayLength;

  const dropped: number[] = [];
  for (const code of ordered) {
    if (code === OPTION_RELAY_AGENT) continue;
    const bytes = options.get(code) ?? new Uint8Array();
    const length = wireLength(bytes);
    // A value of several pieces stays in the option field: the oldest stacks read the other areas piece by piece.
    const candidates: readonly AreaName[] = bytes.length > MAX_PIECE ? ['options'] : ['options', 'file', 'sname'];
    const area = candidates.find((name) => length <= left[name]);
    if (area === undefined) dropped.push(code);
    else {
      areas[area].push(code);
      left[area] -= length;
    }
  }
  if (relayFits) areas.options.push(OPTION_RELAY_AGENT);
  else if (relay) dropped.push(OPTION_RELAY_AGENT);
  return { areas, overload, dropped: dropped.reverse() };
}

/** Placements compare by the first option they lost: later is better, none is best. */
function worth(placement: Placement, ordered: readonly number[]): number {
  const firstLost = ordered.findIndex((code) => placement.dropped.includes(code));
  return firstLost === -1 ? ordered.length : firstLost;
}

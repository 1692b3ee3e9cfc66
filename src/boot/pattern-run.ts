/** Runs a compiled pattern over a text: every alternative in step, each place of the program at most once a character. */
import type { Assertion, CharacterSet, PatternProgram } from './pattern.ts';

/** Steps left for everything one request may cost; counted down. */
export interface Fuel {
  left: number;
}

/** Where the whole match (slots 0, 1) and the groups begin and end; undefined for a group that took no part. */
export type PatternMatch = readonly (number | undefined)[];

interface Thread {
  readonly at: number;
  readonly slots: PatternMatch;
}

/**
 * The leftmost match at or after `from`; of several there the one a backtracking engine would find first.
 * @returns `exhausted` when the fuel is used up before an answer is known
 */
export function findMatch(
  { instructions, ignoreCase }: PatternProgram,
  text: string,
  from: number,
  fuel: Fuel,
): PatternMatch | undefined | 'exhausted' {
  /** The position at which each instruction was last reached, so that it is looked at once for each. */
  const seen = new Int32Array(instructions.length).fill(-1);
  let threads: Thread[] = [];
  let found: PatternMatch | undefined;
  // Behind `save 0`; with `^` there, nothing can begin anywhere else.
  const second = instructions[1];
  const anchored = second?.op === 'assert' && second.assertion === 'start';

  /** Follows everything that takes no character; threads come in order of preference. */
  function follow(at: number, position: number, slots: PatternMatch, into: Thread[]): void {
    if (seen[at] === position) return;
    seen[at] = position;
    fuel.left--;
    const instruction = instructions[at];
    switch (instruction?.op) {
      case 'jump':
        follow(instruction.to, position, slots, into);
        return;
      case 'split':
        follow(instruction.first, position, slots, into);
        follow(instruction.second, position, slots, into);
        return;
      case 'save': {
        const saved = [...slots];
        saved[instruction.slot] = position;
        follow(at + 1, position, saved, into);
        return;
      }
      case 'assert':
        if (holds(instruction.assertion, text, position)) follow(at + 1, position, slots, into);
        return;
      case 'set':
      case 'match':
        into.push({ at, slots });
        return;
      case undefined:
        return;
      default:
        instruction satisfies never;
    }
  }

  for (let position = from; position <= text.length; position++) {
    // A match begun further left is better than any that begins here.
    if (!found && (position === 0 || !anchored)) follow(0, position, [], threads);
    if (threads.length === 0 && (found || anchored)) return found;
    const next: Thread[] = [];
    const code = text.charCodeAt(position);
    for (const { at, slots } of threads) {
      const instruction = instructions[at];
      if (instruction?.op === 'match') {
        // What is less preferred than this match need not go on.
        found = slots;
        break;
      }
      if (instruction?.op !== 'set' || position === text.length) continue;
      if (includes(instruction.set, code, ignoreCase)) follow(at + 1, position + 1, slots, next);
    }
    if (fuel.left < 0) return 'exhausted';
    threads = next;
  }
  return found;
}

function includes({ ranges, negated }: CharacterSet, code: number, ignoreCase: boolean): boolean {
  const inside = within(ranges, code) || (ignoreCase && within(ranges, otherCase(code)));
  return inside !== negated;
}

function within(ranges: readonly number[], code: number): boolean {
  for (let index = 0; index < ranges.length; index += 2) {
    if (code >= (ranges[index] ?? 0) && code <= (ranges[index + 1] ?? 0)) return true;
  }
  return false;
}

/** ASCII letters only: file names of loaders have no others, and no locale may change what a rule means. */
function otherCase(code: number): number {
  const isLetter = (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);
  return isLetter ? code ^ 0x20 : code;
}

function holds(assertion: Assertion, text: string, position: number): boolean {
  switch (assertion) {
    case 'start':
      return position === 0;
    case 'end':
      return position === text.length;
    case 'word-edge':
      return isWord(text, position - 1) !== isWord(text, position);
    case 'no-word-edge':
      return isWord(text, position - 1) === isWord(text, position);
    default:
      return assertion satisfies never;
  }
}

function isWord(text: string, position: number): boolean {
  return /^[0-9A-Za-z_]$/.test(text.charAt(position));
}

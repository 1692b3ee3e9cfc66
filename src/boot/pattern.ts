/**
 * Regular expressions that cannot be made to hang: the usual notation, compiled to a small program that
 * `pattern-run.ts` runs for all alternatives at once. Time grows with the length of the text times the size of the
 * program, whatever the expression; what could not be run that way (back-references, look-around) is refused.
 */

/** Inclusive ranges of UTF-16 code units, in pairs; a character outside all of them matches when `negated`. */
export interface CharacterSet {
  readonly ranges: readonly number[];
  readonly negated: boolean;
}

export type Assertion = 'start' | 'end' | 'word-edge' | 'no-word-edge';

/** `split` prefers `first`. Slots 2n and 2n+1 hold where group n begins and ends. */
export type Instruction =
  | { readonly op: 'set'; readonly set: CharacterSet }
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'save'; readonly slot: number }
  | { readonly op: 'assert'; readonly assertion: Assertion }
  | { readonly op: 'match' };

export interface PatternProgram {
  readonly instructions: readonly Instruction[];
  /** Groups in parentheses, the whole match (0) not counted. */
  readonly groups: number;
  readonly ignoreCase: boolean;
}

/** Bounds what one character of a text can cost. */
const MAX_INSTRUCTIONS = 1000;
const MAX_COUNT = 255;

/**
 * Compiles `a|b`, `.`, `[a-z]`, `[[:alpha:]]`, `\d \w \s \b`, `^ $`, `( )`, `(?: )`, `* + ? {2,5}` and their lazy
 * forms with a `?` behind.
 * @throws SyntaxError with the place, for what cannot be read, cannot be run in linear time, or is too large
 */
export function compilePattern(source: string, options: { readonly ignoreCase?: boolean } = {}): PatternProgram {
  const parser = createParser(source);
  const node = parser.parse();
  const instructions: Instruction[] = [];
  emit({ kind: 'group', group: 0, body: node }, instructions);
  instructions.push({ op: 'match' });
  return { instructions, groups: parser.groups(), ignoreCase: options.ignoreCase ?? false };
}

type Node =
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'assert'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'choice'; readonly items: readonly Node[] }
  | { readonly kind: 'group'; readonly group: number; readonly body: Node }
  | {
      readonly kind: 'repeat';
      readonly body: Node;
      readonly min: number;
      readonly max: number;
      readonly lazy: boolean;
    };

const ANY: CharacterSet = { ranges: [], negated: true };
const RANGES = {
  d: [0x30, 0x39],
  w: [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a],
  s: [0x09, 0x0d, 0x20, 0x20],
} as const;
/** The names of POSIX, as map files of other servers use them. */
const POSIX: Readonly<Record<string, readonly number[]>> = {
  alpha: [0x41, 0x5a, 0x61, 0x7a],
  digit: RANGES.d,
  alnum: [0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a],
  upper: [0x41, 0x5a],
  lower: [0x61, 0x7a],
  xdigit: [0x30, 0x39, 0x41, 0x46, 0x61, 0x66],
  space: RANGES.s,
  punct: [0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e],
};

function createParser(source: string) {
  let at = 0;
  let groups = 0;
  let depth = 0;

  const fail = (message: string, place = at): never => {
    throw new SyntaxError(`"${source}": ${message} at character ${place + 1}`);
  };
  const take = (text: string): boolean => {
    if (!source.startsWith(text, at)) return false;
    at += text.length;
    return true;
  };

  function choice(): Node {
    const items = [sequence()];
    while (take('|')) items.push(sequence());
    return items.length === 1 && items[0] ? items[0] : { kind: 'choice', items };
  }

  function sequence(): Node {
    const items: Node[] = [];
    while (at < source.length && source[at] !== '|' && source[at] !== ')') items.push(repeated());
    return { kind: 'sequence', items };
  }

  function repeated(): Node {
    const start = at;
    const body = atom();
    const count = counted();
    if (!count) return body;
    if (body.kind === 'assert') fail('nothing to repeat', start);
    const lazy = take('?');
    if (counted()) fail('a repetition of a repetition; put the inner one in (?: )');
    return { kind: 'repeat', body, ...count, lazy };
  }

  function counted(): { readonly min: number; readonly max: number } | undefined {
    if (take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (take('?')) return { min: 0, max: 1 };
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(source.slice(at, at + 12));
    if (!found) return undefined;
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] ? Number(found[3]) : Number.POSITIVE_INFINITY;
    if (min > MAX_COUNT || (max !== Number.POSITIVE_INFINITY && max > MAX_COUNT)) fail(`more than ${MAX_COUNT} times`);
    if (min > max) fail('the smaller count comes first');
    at += found[0].length;
    return { min, max };
  }

  function atom(): Node {
    const character = source[at] ?? '';
    at++;
    switch (character) {
      case '.':
        return { kind: 'set', set: ANY };
      case '^':
        return { kind: 'assert', assertion: 'start' };
      case '$':
        return { kind: 'assert', assertion: 'end' };
      case '[':
        return { kind: 'set', set: bracket() };
      case '(':
        return group();
      case '\\':
        return escaped();
      case '*':
      case '+':
      case '?':
        return fail('nothing to repeat', at - 1);
      default:
        return { kind: 'set', set: one(character) };
    }
  }

  function group(): Node {
    if (++depth > 50) fail('groups nest too deeply');
    const plain = take('?:');
    if (!plain && source[at] === '?') fail('only ( ) and (?: ) are known: look-around cannot run in linear time');
    const number = plain ? 0 : ++groups;
    const body = choice();
    if (!take(')')) fail('a ")" is missing');
    depth--;
    return plain ? body : { kind: 'group', group: number, body };
  }

  function escaped(): Node {
    const character = source[at] ?? fail('a "\\" at the end');
    at++;
    if (character === 'b') return { kind: 'assert', assertion: 'word-edge' };
    if (character === 'B') return { kind: 'assert', assertion: 'no-word-edge' };
    const known = RANGES[character.toLowerCase() as keyof typeof RANGES];
    if (known) return { kind: 'set', set: { ranges: known, negated: character !== character.toLowerCase() } };
    if (/[1-9]/.test(character)) fail('back-references cannot run in linear time', at - 2);
    if (/[A-Za-z0]/.test(character)) fail(`"\\${character}" is not known`, at - 2);
    return { kind: 'set', set: one(character) };
  }

  function bracket(): CharacterSet {
    const start = at - 1;
    const negated = take('^');
    const ranges: number[] = [];
    for (let first = true; first || source[at] !== ']'; first = false) {
      if (at >= source.length) fail('a "]" is missing', start);
      const posix = /^\[:([a-z]+):\]/.exec(source.slice(at, at + 12));
      if (posix) {
        ranges.push(...(POSIX[posix[1] ?? ''] ?? fail(`there is no class ${posix[0]}`)));
        at += posix[0].length;
        continue;
      }
      const low = member(ranges);
      if (low === undefined) continue;
      if (source[at] !== '-' || source[at + 1] === ']' || at + 1 >= source.length) {
        ranges.push(low, low);
        continue;
      }
      at++;
      const high = member([]) ?? fail('a range needs two characters');
      if (high < low) fail('a range runs backwards');
      ranges.push(low, high);
    }
    at++;
    return { ranges, negated };
  }

  /** One character of a bracket expression, or undefined when it was a class like `\d`, now among `ranges`. */
  function member(ranges: number[]): number | undefined {
    let character = source[at] ?? '';
    at++;
    if (character === '\\') {
      character = source[at] ?? fail('a "\\" at the end');
      at++;
      const known = RANGES[character as keyof typeof RANGES];
      if (known) {
        ranges.push(...known);
        return undefined;
      }
      if (/[A-Za-z0-9]/.test(character)) fail(`"\\${character}" is not known in [ ]`, at - 2);
    }
    return character.charCodeAt(0);
  }

  return {
    groups: () => groups,
    parse() {
      const node = choice();
      if (at < source.length) fail('a ")" too many');
      return node;
    },
  };
}

function one(character: string): CharacterSet {
  const code = character.charCodeAt(0);
  return { ranges: [code, code], negated: false };
}

function emit(node: Node, into: Instruction[]): void {
  if (into.length > MAX_INSTRUCTIONS) throw new SyntaxError('the expression is too large: use smaller counts');
  switch (node.kind) {
    case 'set':
      into.push({ op: 'set', set: node.set });
      return;
    case 'assert':
      into.push({ op: 'assert', assertion: node.assertion });
      return;
    case 'sequence':
      for (const item of node.items) emit(item, into);
      return;
    case 'choice':
      emitChoice(node.items, into);
      return;
    case 'group':
      into.push({ op: 'save', slot: node.group * 2 });
      emit(node.body, into);
      into.push({ op: 'save', slot: node.group * 2 + 1 });
      return;
    case 'repeat':
      for (let count = 0; count < node.min; count++) emit(node.body, into);
      if (node.max === Number.POSITIVE_INFINITY) emitLoop(node.body, node.lazy, into);
      else for (let count = node.min; count < node.max; count++) emitOptional(node.body, node.lazy, into);
      return;
    default:
      node satisfies never;
  }
}

function emitChoice(items: readonly Node[], into: Instruction[]): void {
  const jumps: Extract<Instruction, { op: 'jump' }>[] = [];
  for (const [index, item] of items.entries()) {
    if (index === items.length - 1) {
      emit(item, into);
      break;
    }
    const split: Instruction = { op: 'split', first: into.length + 1, second: 0 };
    into.push(split);
    emit(item, into);
    const jump: Instruction = { op: 'jump', to: 0 };
    into.push(jump);
    jumps.push(jump);
    split.second = into.length;
  }
  for (const jump of jumps) jump.to = into.length;
}

function emitLoop(body: Node, lazy: boolean, into: Instruction[]): void {
  const start = into.length;
  emitOptional(body, lazy, into, { op: 'jump', to: start });
}

function emitOptional(body: Node, lazy: boolean, into: Instruction[], back?: Instruction): void {
  const split: Extract<Instruction, { op: 'split' }> = { op: 'split', first: 0, second: 0 };
  into.push(split);
  const inside = into.length;
  emit(body, into);
  if (back) into.push(back);
  const behind = into.length;
  split.first = lazy ? behind : inside;
  split.second = lazy ? inside : behind;
}

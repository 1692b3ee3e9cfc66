/** Patterns: what they match, what they refuse, and that no text can make them slow. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../src/boot/pattern.ts';
import { findMatch } from '../../src/boot/pattern-run.ts';

const PLENTY = 10_000_000;

function match(source: string, text: string, ignoreCase = false): (string | undefined)[] | undefined {
  const program = compilePattern(source, { ignoreCase });
  const found = findMatch(program, text, 0, { left: PLENTY });
  if (found === undefined || found === 'exhausted') return undefined;
  return Array.from({ length: program.groups + 1 }, (_, group) => {
    const [start, end] = [found[group * 2], found[group * 2 + 1]];
    return start === undefined || end === undefined ? undefined : text.slice(start, end);
  });
}

describe('a pattern', () => {
  it.each([
    ['plain text anywhere', 'Boot', 'x/Boot/BCD', ['Boot']],
    ['captures', '^([^/]+)/(.*)$', 'a/b/c', ['a/b/c', 'a', 'b/c']],
    ['takes the leftmost match', 'b+', 'abbcbbb', ['bb']],
    ['prefers the first alternative', 'a|ab', 'ab', ['a']],
    ['leaves a group unset that took no part', '(a)|(b)', 'b', ['b', undefined, 'b']],
    ['is greedy', '(.*)/(.*)', 'a/b/c', ['a/b/c', 'a/b', 'c']],
    ['is lazy when asked', '(.*?)/(.*)', 'a/b/c', ['a/b/c', 'a', 'b/c']],
    ['counts', '^[0-9A-F]{8}$', '0A4D0082', ['0A4D0082']],
    ['counts up to', '^a{1,2}', 'aaa', ['aa']],
    ['reads a brace that is no count as itself', 'a{x', 'a{x', ['a{x']],
    ['knows classes of POSIX', '^[[:alpha:]]+[[:digit:]_]', 'abc_', ['abc_']],
    ['takes a ] first in brackets as itself', '[]a]+', 'x]a', [']a']],
    ['takes a - last in brackets as itself', '[a-]+', 'x-a', ['-a']],
    ['knows escapes in brackets', '[\\d.]+', 'v1.2', ['1.2']],
    ['negates', '[^a-c]+', 'abxyc', ['xy']],
    ['knows \\D', '\\D+', '12ab3', ['ab']],
    ['finds word edges', '\\bBCD\\b', 'xBCD BCD', ['BCD']],
    ['loops over nothing without hanging', '(?:a*)*b', 'aab', ['aab']],
  ])('%s', (_, source, text, expected) => {
    expect(match(source, text)).toEqual(expected);
  });

  it('folds ASCII letters and no others', () => {
    expect(match('^boot/[a-z]+$', 'BOOT/Bcd', true)).toEqual(['BOOT/Bcd']);
    expect(match('^[^b]$', 'B', true)).toBeUndefined();
    expect(match('^k$', '\u212a', true)).toBeUndefined();
  });

  it.each([
    ['(a)\\1', 'back-references cannot run in linear time'],
    ['(?=a)', 'look-around cannot run in linear time'],
    ['(?<name>a)', 'look-around cannot'],
    ['(a', 'a ")" is missing'],
    ['a)', 'a ")" too many'],
    ['[a', 'a "]" is missing'],
    ['[z-a]', 'a range runs backwards'],
    ['*a', 'nothing to repeat'],
    ['^*', 'nothing to repeat'],
    ['a**', 'a repetition of a repetition'],
    ['a{3,2}', 'the smaller count comes first'],
    ['a{256}', 'more than 255 times'],
    ['(?:a{200}){200}', 'too large'],
    ['a\\', 'a "\\" at the end'],
    ['\\q', '"\\q" is not known'],
    ['[[:nope:]]', 'there is no class'],
  ])('refuses %s', (source, message) => {
    expect(() => compilePattern(source)).toThrow(message);
  });

  it('agrees with the engine of the language', () => {
    const leaf = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '\\w', '/');
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `${a}${b}`),
        fc.tuple(tie('pattern'), tie('pattern')).map(([a, b]) => `(?:${a}|${b})`),
        fc.tuple(leaf, fc.constantFrom('*', '+', '?', '*?', '+?', '{1,3}')).map(([a, b]) => `${a}${b}`),
        tie('pattern').map((a) => `(${a})`),
      ),
    }));
    const edge = fc.constantFrom('', '^', '$');
    fc.assert(
      fc.property(pattern, edge, fc.stringMatching(/^[ab/c]{0,12}$/), (body, mark, text) => {
        const source = mark === '$' ? `${body}$` : `${mark}${body}`;
        const found = new RegExp(source).exec(text);
        expect(match(source, text)).toEqual(found ? [...found] : undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it.each(['(a+)+$', '^(a|a)*$', '(.*)*(.*)*(.*)*x', '(?:a?){50}a{50}b'])(
    'needs no more than steps × length for %s',
    (source) => {
      const program = compilePattern(source);
      const text = `${'a'.repeat(511)}!`;
      const fuel = { left: PLENTY };
      expect(findMatch(program, text, 0, fuel)).toBeUndefined();
      expect(PLENTY - fuel.left).toBeLessThanOrEqual(program.instructions.length * (text.length + 1));
    },
  );

  it('stops when the fuel is used up', () => {
    expect(findMatch(compilePattern('(.*)*x'), 'a'.repeat(100), 0, { left: 50 })).toBe('exhausted');
  });
});

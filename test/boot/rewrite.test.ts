/** Rewrite rules: each file of fixtures/rewrites is a table, a line of dashes, and what becomes of some paths. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { resolve, rewritePath } from '../../src/boot/resolve.ts';
import { rewriteSchema } from '../../src/boot/routes-file.ts';
import { parseMac } from '../../src/net/mac.ts';
import { buildSketch, catalogOf } from '../support/catalogs.ts';
import { expectGolden, goldenCases } from '../support/golden-files.ts';

const everything = [{ path: '*path', image: '*path' }];
const tableOf = (rules: readonly object[]) =>
  catalogOf({ routes: everything, rewrites: rules.map((rule) => rewriteSchema.parse(rule)) });

/** `path ip=… mac=… write absent` → what becomes of it. */
function become(line: string, rules: readonly object[]): string {
  const [path = '', ...words] = line.split(' ');
  const word = (name: string) => words.find((text) => text.startsWith(`${name}=`))?.slice(name.length + 1);
  const mac = word('mac');
  const asker = {
    ip: word('ip') ?? '10.77.0.5',
    mac: mac === undefined ? undefined : parseMac(mac),
    write: words.includes('write'),
    absent: words.includes('absent'),
  };
  const rewriting = rewritePath(path, asker, tableOf(rules));
  if (rewriting.kind === 'path') return rewriting.path;
  return rewriting.kind === 'denied' ? `denied "${rewriting.text}"` : `refused: ${rewriting.reason}`;
}

describe('the rules of', () => {
  it.each(goldenCases('rewrites').map((golden) => [golden.name, golden] as const))('%s', (_, golden) => {
    const rules = parse(golden.input) as object[];
    const lines = golden.expected.trimEnd().split('\n');
    const actual = lines.map((line) => {
      const [asked = ''] = line.split(' → ');
      return `${asked} → ${become(asked, rules)}\n`;
    });
    expectGolden(golden, actual.join(''));
  });
});

describe('a rewrite table', () => {
  it('cuts a table that goes round in circles, and says which rule', () => {
    expect(become('a', [{ match: '^', replace: 'x/', next: 'restart' }])).toContain(
      'round in circles: they did not end after 64; the last was rule 1 ("^")',
    );
    expect(become('aa', [{ match: 'a', replace: 'aa', global: true, next: 'restart' }])).toContain('longer than 512');
  });

  it('refuses a path that is longer than any loader asks for', () => {
    expect(become('a'.repeat(513), [{ match: 'b', replace: 'c' }])).toContain('longer than 512');
  });

  it('refuses T-9: a rule that leads out of the tree', () => {
    expect(become('up/etc', [{ title: 'climb', match: '^up', replace: '..' }])).toBe(
      'refused: the path leaves the tree or holds control characters after rewrite rule 1 ("climb")',
    );
  });

  it('tells each rule that was tried, and why it did not apply', () => {
    const table = tableOf([
      { only: 'write', case: 'upper' },
      { title: 'pi', macs: ['b8:27:eb'], case: 'upper' },
      { networks: ['fd00::/8'], case: 'upper' },
      { match: 'x', replace: ':mac/$0' },
      { match: 'a$', replace: 'b' },
    ]);
    const { steps } = rewritePath('xa', { ip: '10.77.0.5' }, table);
    expect(steps.map(({ rule, title, because, path }) => `${rule} ${title}: ${because}: ${path}`)).toEqual([
      '1 every path: only for writes: xa',
      "2 pi: the machine's MAC is not known: xa",
      '3 every path: another network: xa',
      "4 x: the machine's :mac is not known: xa",
      '5 a$: it matches: xb',
    ]);
  });

  it('reports a pattern or replacement that cannot be, with its place', () => {
    const rules = [
      { match: '(a', case: 'lower' },
      { match: 'a', replace: '$1' },
      { match: '^/boot', replace: '' },
    ];
    const { problems } = buildSketch({ rewrites: rules.map((rule) => rewriteSchema.parse(rule)) });
    expect(problems.map(({ path, message }) => [path, message])).toEqual([
      [['rewrites', 0, 'match'], expect.stringContaining('a ")" is missing')],
      [['rewrites', 1, 'replace'], expect.stringContaining('there is no group 1')],
      [['rewrites', 2, 'match'], expect.stringContaining('paths have no "/" in front')],
    ]);
  });

  it.each([
    ['nothing to do', { match: 'a' }],
    ['a denial that rewrites', { deny: 'no', replace: 'a' }],
    ['no network', { case: 'lower', networks: ['10.0.0'] }],
    ['no MAC', { case: 'lower', macs: ['b8:27:e'] }],
  ])('refuses a rule with %s', (_, rule) => {
    expect(rewriteSchema.safeParse(rule).success).toBe(false);
  });

  it('never takes a hostile path and table out of the tree, and always ends', () => {
    const piece = fc.constantFrom('.', '..', '/', 'a', '$0', '$1', ':ip', '\\');
    const rule = fc.record({
      match: fc.constantFrom('(.*)', '(a|/)', '(.)', '()'),
      replace: fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')),
      global: fc.boolean(),
      next: fc.constantFrom('continue', 'restart', 'stop'),
    });
    fc.assert(
      fc.property(
        fc.array(rule, { maxLength: 4 }),
        fc.array(piece).map((p) => p.join('')),
        (rules, path) => {
          const rewriting = rewritePath(path, { ip: '10.77.0.5' }, tableOf(rules));
          if (rewriting.kind === 'path') expect(rewriting.path.split('/')).not.toContain('..');
        },
      ),
    );
  });
});

describe('resolve', () => {
  it('answers for the rewritten path', () => {
    const table = tableOf([{ match: '^Boot/', replace: 'winpe/' }]);
    expect(resolve('\\Boot\\BCD', {}, table)).toMatchObject({ kind: 'image', image: 'winpe/BCD' });
  });

  it('refuses with the words of the rule', () => {
    const table = tableOf([{ title: 'keys', match: '\\.key$', deny: 'keys are not served' }]);
    expect(resolve('a.key', {}, table)).toEqual({
      kind: 'refused',
      reason: 'rewrite rule 1 ("keys") denies it',
      text: 'keys are not served',
    });
  });
});

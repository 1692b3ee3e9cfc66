/**
 * docs/conformance.md and docs/deviations.md against the names of all tests: a rule is tested or excused, and a page quotes
 * only tests that are there. `UPDATE_GOLDEN=1` writes the last column anew.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const PAGE = join(ROOT, 'docs', 'conformance.md');
const EXCUSE = '[deviation](deviations.md)';
const MOST_QUOTES = 4;

/** The checklist: gaps in the numbers were left free. */
const IDS = [
  ...span('T', 1, 55),
  ...span('T', 60, 68),
  ...span('T', 70, 76),
  ...span('D', 1, 51),
  ...span('D', 55, 84),
  'D-82a',
  'D-82b',
  ...span('D', 95, 99),
];

function span(letter: string, first: number, last: number): string[] {
  return Array.from({ length: last - first + 1 }, (_, index) => `${letter}-${first + index}`);
}

interface Row {
  readonly id: string;
  readonly rule: string;
  readonly source: string;
  readonly tested: string;
}

/** `| id | rule | source | tested by |`; `\|` is a bar in the text. */
function rowsOf(page: string): Row[] {
  return page.split('\n').flatMap((line): Row[] => {
    const [, id = '', rule = '', source = '', tested = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim());
    return /^[TD]-\d/.test(id) ? [{ id, rule, source, tested }] : [];
  });
}

/** Entries `- **T-1** …`. */
function deviationsOf(page: string): Set<string> {
  return new Set([...page.matchAll(/^- \*\*([TD]-\d+[a-z]?)\*\*/gm)].map(([, id = '']) => id));
}

const TOKENS = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`((?:[^`\\]|\\.)*)`/g;
const ID = /\b[TD]-\d+[a-z]?\b/g;

/** Test file under test/ → id → the strings with that id: names of tests, of their tables' rows and of their groups. */
function readNames(): Map<string, Map<string, string[]>> {
  const files = readdirSync(join(ROOT, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && file !== 'conformance.test.ts')
    .sort((a, b) => Number(a.startsWith('e2e')) - Number(b.startsWith('e2e')) || (a < b ? -1 : 1));
  return new Map(
    files.map((file) => {
      const names = new Map<string, string[]>();
      for (const token of readFileSync(join(ROOT, 'test', file), 'utf8').matchAll(TOKENS)) {
        const text = (token[1] ?? token[2] ?? token[3] ?? '').replace(/\\(['"`])/g, '$1').replace(/\s+/g, ' ');
        for (const [id] of text.matchAll(ID)) names.set(id, [...(names.get(id) ?? []), text]);
      }
      return [file, names];
    }),
  );
}

const cellOf = (text: string) => text.replaceAll('|', '\\|');

function testedBy(id: string, names: ReturnType<typeof readNames>, excused: ReadonlySet<string>): string {
  const quotes = [...names].flatMap(([file, ids]) => {
    const [first] = ids.get(id) ?? [];
    return first === undefined ? [] : [`\`${file}\`: ${cellOf(first)}`];
  });
  return [...quotes.slice(0, MOST_QUOTES), ...(excused.has(id) ? [EXCUSE] : [])].join('<br>');
}

describe('the conformance list', () => {
  const names = readNames();
  const tested = new Set([...names.values()].flatMap((ids) => [...ids.keys()]));
  const excused = deviationsOf(readFileSync(join(ROOT, 'docs', 'deviations.md'), 'utf8'));
  if (process.env.UPDATE_GOLDEN === '1') {
    const lines = readFileSync(PAGE, 'utf8')
      .split('\n')
      .map((line) => {
        const [row] = rowsOf(line);
        return row ? `| ${row.id} | ${row.rule} | ${row.source} | ${testedBy(row.id, names, excused)} |` : line;
      });
    writeFileSync(PAGE, lines.join('\n'));
  }
  const rows = rowsOf(readFileSync(PAGE, 'utf8'));

  it('has every id once, in order, and no other', () => {
    expect(rows.map(({ id }) => id)).toEqual(
      IDS.sort((a, b) => rows.findIndex(({ id }) => id === a) - rows.findIndex(({ id }) => id === b)),
    );
    for (const id of [...tested, ...excused]) expect(IDS, `${id} is quoted, but not on the page`).toContain(id);
  });

  it('says a rule and a source for each', () => {
    for (const { id, rule, source } of rows) expect([rule, source], id).not.toContain('');
  });

  it.each(rows)('$id is quoted by a test, or a deviation with a reason', ({ id }) => {
    expect(tested.has(id) || excused.has(id)).toBe(true);
  });

  it.each(rows)('what the page says of the tests of $id is so (else: UPDATE_GOLDEN=1)', ({ id, tested: cell }) => {
    const parts = cell.split('<br>');
    expect(parts.includes(EXCUSE)).toBe(excused.has(id));
    const quotes = parts.filter((part) => part !== EXCUSE && part !== '');
    expect(quotes.length > 0).toBe(tested.has(id));
    for (const quote of quotes) {
      const [, file = '', words = ''] = /^`([^`]+)`: (.+)$/.exec(quote) ?? [];
      const found = (names.get(file)?.get(id) ?? []).map(cellOf);
      expect(found, `${quote} is no test`).toContain(words);
    }
  });
});

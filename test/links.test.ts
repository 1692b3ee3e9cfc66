/** Links of the handbook: each leads to a file that is there, and decisions have one number each. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const list = (folder: string) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name));
const pages = ['.', 'docs', 'docs/decisions', 'boot-images', 'test/e2e'].flatMap(list);

describe('a page of the handbook', () => {
  it.each(pages)('leads only to files that are there: %s', (page) => {
    const text = readFileSync(join(ROOT, page), 'utf8').replace(/```.*?```|`[^`\n]*`/gs, '');
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target.replace(/#.*$/, ''));
    const local = links.filter((target) => target !== '' && !/^[a-z]+:/.test(target));
    expect(local.filter((target) => !existsSync(join(ROOT, dirname(page), target)))).toEqual([]);
  });
});

it('every page of docs/ is named in README.md', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  expect(list('docs').filter((path) => !readme.includes(`](${path})`))).toEqual([]);
});

it('no two decisions have the same number', () => {
  const numbers = list('docs/decisions').map((path) => /(\d{4})-[^/]*$/.exec(path)?.[1]);
  expect(numbers).toEqual([...new Set(numbers)]);
});

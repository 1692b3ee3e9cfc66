/** The YAML in the handbook: what operators copy must be what the program reads. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { rewriteSchema } from '../src/boot/routes-file.ts';
import { configSchema } from '../src/config.ts';
import { buildSketch } from './support/catalogs.ts';

function blocksOf(page: string): readonly string[] {
  const text = readFileSync(new URL(`../docs/${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, block = '']) => block);
}

describe('an example of', () => {
  it.each(blocksOf('settings.md').map((block) => [block.split('\n')[0], block]))(
    'settings is valid: %s',
    (_, block) => {
      const parsed = configSchema.safeParse(parse(block ?? ''));
      expect(parsed.error?.issues ?? []).toEqual([]);
    },
  );

  const tables = ['templates.md', 'from-tftpd-hpa.md'].flatMap((page) =>
    blocksOf(page)
      .filter((block) => block.startsWith('rewrites:'))
      .map((block) => [page, block] as const),
  );
  it('rewrites is there in both pages', () => {
    expect(new Set(tables.map(([page]) => page)).size).toBe(2);
  });
  it.each(tables)('rewrites is valid: %s', (_, block) => {
    const { rewrites } = parse(block) as { rewrites: object[] };
    const { problems } = buildSketch({ rewrites: rewrites.map((rule) => rewriteSchema.parse(rule)) });
    expect(problems).toEqual([]);
  });

  it('map files is valid where it is translated', () => {
    const text = readFileSync(new URL('../docs/from-tftpd-hpa.md', import.meta.url), 'utf8');
    const block = /^# map file.*?^```/ms.exec(text)?.[0] ?? '';
    const right = block
      .split('\n')
      .slice(1, -1)
      .map((line) => line.slice(33))
      .join('\n');
    const { rewrites } = parse(right) as { rewrites: object[] };
    expect(rewrites).toHaveLength(6);
    const { problems } = buildSketch({ rewrites: rewrites.map((rule) => rewriteSchema.parse(rule)) });
    expect(problems).toEqual([]);
  });
});

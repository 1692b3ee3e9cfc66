/** The YAML in the handbook: what operators copy must be what the program reads. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { TemplateContext } from '../src/boot/context.ts';
import { rewriteSchema } from '../src/boot/routes-file.ts';
import { configSchema } from '../src/config.ts';
import { HELPER_NAMES } from '../src/files/template-helpers.ts';
import { createTemplates } from '../src/files/templates.ts';
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

describe('an example of a template helper', () => {
  const text = readFileSync(new URL('../docs/templates.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)[^`]*` \| .* \| `(\{\{.*\}\})` \| `(.*)` \|$/gm)].map(
    ([, name = '', example = '', result = '']) => ({ name, example, result }),
  );

  it('is there for each of them', () => {
    expect(rows.map(({ name }) => name).sort()).toEqual([...HELPER_NAMES].sort());
  });

  it.each(rows)('gives what the page says: $name', ({ example, result }) => {
    const { renderText } = createTemplates({ root: 'templates' });
    expect(renderText(example, EXAMPLE_CONTEXT, 'docs/templates.md')).toBe(result);
  });
});

/** What the page says its examples see. */
const EXAMPLE_CONTEXT: TemplateContext = {
  host: { name: 'web01', hostname: 'web01', known: true, labels: {} },
  profile: { name: 'p', title: 'P', kind: 'live' },
  network: { name: 'lan', dns: [] },
  server: { address: '10.77.0.1', httpBase: 'http://10.77.0.1:8080', tftpBase: 'tftp://10.77.0.1' },
  boot: { kind: 'local', method: 'exit' },
  reason: 'because',
  vars: { disk: '/dev/vda', ip: '10.77.0.5/24', users: ['ann', 'bob'], port: { mtu: 9000 } },
  mac: { colon: '52:54:00:aa:bb:cc' },
  client: { ip: '10.77.0.9' },
  deployment: { id: 'd' },
  path: {},
};

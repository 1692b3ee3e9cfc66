/** Every way to the local disk in every loader's language, as one file a loader; and what a stranger under `discover` gets. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type BootView, buildContext, type TemplateContext } from '../../src/boot/context.ts';
import { assign } from '../../src/boot/decide.ts';
import { LOCAL_METHODS } from '../../src/boot/local-boot.ts';
import { createTemplates } from '../../src/files/templates.ts';
import { parseMac } from '../../src/net/mac.ts';
import { catalogOf, networkOf } from '../support/catalogs.ts';
import { expectGolden, goldenCases } from '../support/golden-files.ts';

const ROOT = join(import.meta.dirname, '..', '..', 'templates');
const templates = createTemplates({ root: ROOT });
const server = { address: '10.77.0.1', httpBase: 'http://10.77.0.1:8080', tftpBase: 'tftp://10.77.0.1' };
const catalog = catalogOf({ hosts: {}, profiles: {} });
const mac = parseMac('52:54:00:00:00:99');

/** What a stranger's file is rendered from, under `unknown: discover`. */
function strangers(): TemplateContext {
  const network = networkOf('lan', { subnet: '10.77.0.0/24', mode: 'proxy', unknown: 'discover' });
  const { assignment } = assign(catalog, { network, mac });
  if (assignment.kind !== 'discover') throw new Error(`the stranger is to get ${assignment.kind}`);
  return buildContext({ assignment, catalog, network, mac, server, clientIp: '10.77.0.130', captures: { text: {} } });
}

const context = (boot: BootView): TemplateContext => ({ ...strangers(), reason: 'because', boot });
const views: readonly (readonly [string, TemplateContext])[] = [
  ...LOCAL_METHODS.map((method) => [method, context({ kind: 'local', method })] as const),
  ['discover', strangers()],
  ['a method nobody knows', context({ kind: 'local', method: 'hdboot' })],
];

describe('the way to the local disk', () => {
  for (const golden of goldenCases('local-boot')) {
    it(`is written for ${golden.name} by every method, and a method nobody knows is an error`, async () => {
      const { template } = parse(golden.input) as { template: string };
      const parts: string[] = [];
      for (const [title, view] of views) {
        const text = await templates.render(template, view).catch((error: Error) => `error: ${error.message}\n`);
        parts.push(`== ${title}\n${text}`);
      }
      expect(parts.at(-1)).toMatch(/== .*\nerror: .*hdboot/);
      expectGolden(golden, parts.join('\n'));
    });
  }

  it('of a stranger that tells what it is is the one the settings name', () => {
    const { assignment } = assign(catalogOf({ hosts: {}, profiles: {}, defaults: { localBoot: 'sanboot' } }), {
      network: networkOf('lan', { subnet: '10.77.0.0/24', mode: 'proxy', unknown: 'discover' }),
      mac,
    });
    expect(assignment).toMatchObject({ kind: 'discover', method: 'sanboot' });
  });
});

/** Broken files in, problem lines out. */
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { formatProblem } from '../../src/errors.ts';
import { createInventory } from '../../src/files/inventory.ts';
import { expectGolden, goldenCases } from '../support/golden-files.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

describe('inventory problems', () => {
  for (const golden of goldenCases('inventory')) {
    it(golden.name.replaceAll('-', ' '), async () => {
      const tree = temporaryTree({ 'templates/routes.yaml': 'routes: []\n' });
      for (const section of golden.input.split(/^=== /m).slice(1)) {
        const [path = '', ...lines] = section.split('\n');
        tree.write(path, lines.join('\n').replaceAll('→', '\t'));
      }
      const inventory = createInventory({
        profilesRoot: join(tree.root, 'profiles'),
        templatesRoot: join(tree.root, 'templates'),
        imagesRoot: join(tree.root, 'boot-images'),
        checkOption: (name, value) =>
          name === 'ntp-servers' && !Array.isArray(value) ? 'needs a list of addresses' : undefined,
        record: () => undefined,
        log: { info: () => undefined, warn: () => undefined },
      });
      const served = await inventory.reload();
      const lines = inventory.problems().map((problem) => formatProblem(problem).replaceAll(`${tree.root}/`, ''));
      expectGolden(golden, [...lines, served ? 'served' : 'refused', ''].join('\n'));
    });
  }
});

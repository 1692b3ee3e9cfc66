/** One vitest run under the pinned Node: its output on the terminal, its counts from the JSON reporter. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root, runForeground } from './bootstrap.mjs';
import { readReport } from './tally.mjs';

/** @param {string} node path of the Node to use @param {readonly string[]} args for `vitest run` */
export async function runVitest(node, args, { mayBeEmpty }) {
  const folder = mkdtempSync(join(tmpdir(), 'hobnail-test-'));
  const reportPath = join(folder, 'report.json');
  try {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    const empty = mayBeEmpty ? ['--passWithNoTests'] : [];
    // Tests start `node` themselves: let them find this one first.
    const env = { ...process.env, PATH: `${dirname(node)}:${process.env.PATH ?? ''}` };
    const exitCode = await runForeground(node, [vitest, 'run', ...args, ...reporters, ...empty], { env });
    return readReport(readJson(reportPath), exitCode, { mayBeEmpty });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

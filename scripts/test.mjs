/**
 * `npm test`: sets up a fresh clone, then runs the unit, protocol and socket tests and one BIOS and one UEFI boot.
 * `--e2e` runs the whole firmware matrix instead (`--without-smoke`: less what `npm test` ran), `--container` builds and
 * starts the container image, `--install` installs Debian on a virtual disk. Any other argument narrows the files, as for vitest.
 *
 * What cannot run here is named in a box at the end. With CI=true or HOBNAIL_NOTHING_SKIPPED=1 it counts as a failure.
 */
import { appendFileSync } from 'node:fs';
import { prepare, runMain, say } from './bootstrap.mjs';
import { installPackages, missingPackages } from './packages.mjs';
import { box, countLine, sum } from './tally.mjs';
import { runVitest } from './vitest.mjs';

/** name: what packages.mjs calls it; needsRoot: cannot run at all without. */
const suites = {
  unit: { title: 'unit and protocol tests', args: ['--project', 'unit'], needsRoot: false },
  sockets: { title: 'socket and namespace tests', args: ['--project', 'sockets'], needsRoot: false },
  smoke: {
    title: 'firmware boots, one BIOS and one UEFI',
    args: ['--project', 'e2e', '.smoke.test.ts'],
    needsRoot: true,
  },
  e2e: { title: 'the whole firmware matrix', args: ['--project', 'e2e'], needsRoot: true },
  container: {
    title: 'container image, compose file and systemd unit',
    args: ['--project', 'container'],
    needsRoot: true,
  },
  install: {
    title: 'an unattended installation, half an hour and more',
    args: ['--project', 'install', '--disableConsoleIntercept'],
    needsRoot: true,
  },
};

await runMain(async () => {
  const flags = process.argv.slice(2).filter((argument) => argument.startsWith('--'));
  const narrow = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
  const strict = process.env.HOBNAIL_NOTHING_SKIPPED === '1' || process.env.CI === 'true';
  const chosen = choose(flags, narrow);

  const node = prepare();
  const lacking = provide(chosen);

  const counts = [];
  const notRun = [];
  for (const name of chosen) {
    const { title, args, needsRoot } = suites[name];
    const why = reasonAgainst(name, needsRoot, lacking);
    if (why) notRun.push(`${title}: ${why}`);
    // Without root or its packages a machine cannot boot at all; other tests know by themselves what they can do.
    if (why && needsRoot) continue;
    say(`${title} …`);
    const extra = flags.includes('--without-smoke') ? ['--exclude', '**/*.smoke.test.ts'] : [];
    counts.push(await runVitest(node, [...args, ...extra, ...narrow], { mayBeEmpty: narrow.length > 0 }));
  }
  notRun.push(...counts.flatMap(({ skippedNames }) => skippedNames.map((name) => `skipped: ${name}`)));
  const problems = counts.flatMap((count) => count.problems);
  const total = sum(counts);
  if (problems.length > 0) process.stdout.write(`\n${box('FAILED outside of a test', problems)}\n`);
  if (notRun.length > 0) {
    const title = strict ? 'NOT RUN, and here everything has to: counted as failed' : 'NOT RUN on this machine';
    process.stdout.write(`\n${box(title, notRun)}\n`);
    if (strict) total.failed += notRun.length;
  }
  const tally = process.env.HOBNAIL_TEST_TALLY;
  const failures = [...counts.flatMap(({ failedNames }) => failedNames), ...problems, ...(strict ? notRun : [])];
  if (tally) appendFileSync(tally, `${JSON.stringify({ ...total, failures })}\n`);
  process.stdout.write(`\n${countLine(total)}\n`);
  return total.failed > 0 ? 1 : 0;
});

/** Vitest runs a file when any one filter is in its path, so the boots, which are chosen by one, cannot be narrowed. */
function choose(flags, narrow) {
  if (flags.includes('--e2e')) return ['e2e'];
  if (flags.includes('--container')) return ['container'];
  if (flags.includes('--install')) return ['install'];
  return narrow.length > 0 ? ['unit', 'sockets'] : ['unit', 'sockets', 'smoke'];
}

/** Brings the distribution's packages that the suites want; returns what is still missing, with the reason, a suite. */
function provide(chosen) {
  const missing = missingPackages(chosen);
  if (missing.length === 0) return new Map();
  say(`the tests want ${missing.length} more of the distribution’s packages:`);
  for (const { name, why } of missing) say(`  ${name}: ${why}`);
  const failure = installPackages(missing);
  if (!failure) return new Map();
  return new Map(chosen.map((suite) => [suite, missingPackages([suite]).length > 0 ? failure : undefined]));
}

function reasonAgainst(name, needsRoot, lacking) {
  if (needsRoot && process.getuid?.() !== 0) return 'needs root, for network namespaces of its own (sudo npm test)';
  return lacking.get(name);
}

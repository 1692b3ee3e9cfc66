/** Counting and showing test results. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Count */

/** @param {readonly Count[]} counts @returns {Count} */
export function sum(counts) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const count of counts) for (const key of ['passed', 'failed', 'skipped']) total[key] += count[key];
  return total;
}

/** `12 passed, 0 failed`, and `, 3 skipped` when there are any. @param {Count} count */
export function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** A frame that cannot be overlooked at the end of a long output. */
export function box(title, lines) {
  const shown = lines.length > 40 ? [...lines.slice(0, 40), `… and ${lines.length - 40} more`] : lines;
  const width = Math.max(title.length, ...shown.map((line) => line.length));
  const rule = '═'.repeat(width + 2);
  const row = (text) => `║ ${text.padEnd(width)} ║`;
  return [`╔${rule}╗`, row(title), `╠${rule}╣`, ...shown.map(row), `╚${rule}╝`].join('\n');
}

/**
 * What vitest's JSON report says. A file that failed before its first test counts as one failure; so does a run which
 * ended badly without naming a failed test, and a run without any test unless it may be empty.
 * @param {object | undefined} report undefined: vitest wrote none
 * @param {number} exitCode vitest's
 */
export function readReport(report, exitCode, { mayBeEmpty }) {
  const count = { passed: 0, failed: 0, skipped: 0, failedNames: [], skippedNames: [], problems: [] };
  for (const file of report?.testResults ?? []) {
    const before = count.failed;
    for (const test of file.assertionResults) {
      if (test.status === 'passed') count.passed++;
      else if (test.status === 'failed') {
        count.failed++;
        count.failedNames.push(`${test.fullName.trim()}: ${firstLine(test.failureMessages?.[0])}`);
      } else {
        count.skipped++;
        count.skippedNames.push(test.fullName.trim());
      }
    }
    if (file.status === 'failed' && count.failed === before)
      fail(count, `${file.name} failed outside of its tests: ${firstLine(file.message)}`);
  }
  const ran = count.passed + count.failed + count.skipped;
  if (exitCode !== 0 && count.failed === 0) fail(count, `vitest ended with exit code ${exitCode} and no failed test`);
  if (exitCode === 0 && ran === 0 && !mayBeEmpty) fail(count, 'vitest found no test to run');
  return count;
}

/** What a hook or an import threw, without its stack. */
function firstLine(message) {
  return (message ?? '').trim().split('\n', 1)[0] || 'without a message';
}

function fail(count, problem) {
  count.failed++;
  count.problems.push(problem);
}

/** What a bench found, and how people read it. */

/** One measured thing: ours, and each peer's beside it. */
export interface Row {
  readonly bench: string;
  readonly case: string;
  readonly unit: string;
  /** Which direction is good. */
  readonly better: 'more' | 'less';
  readonly cells: readonly Cell[];
}

export interface Cell {
  /** `hobnail`, or the peer's name. */
  readonly who: string;
  /** Median over the rounds. */
  readonly value: number;
  /** Median of ours / theirs, round by round; above 1 ours is the larger. Absent in our own cell. */
  readonly ratio?: number;
  /** What must be known to read the number: failures, a window that was not granted. */
  readonly note?: string;
}

export interface BenchReport {
  readonly rows: readonly Row[];
  /** Peers that are not installed, servers that did not start, rounds that were cut. */
  readonly remarks: readonly string[];
}

export function formatReport({ rows, remarks }: BenchReport): string {
  const names = [...new Set(rows.flatMap((row) => row.cells.map((cell) => cell.who)))];
  const head = ['case', 'unit', ...names];
  const body = rows.map((row) => [
    `${row.bench}: ${row.case}`,
    `${row.unit}${row.better === 'less' ? ' ↓' : ' ↑'}`,
    ...names.map((name) => formatCell(row.cells.find((cell) => cell.who === name))),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [
    ...(rows.length > 0 ? [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line), ''] : []),
    'Medians of rounds. ↑ more is better, ↓ less is better. (×n): ours divided by theirs, the median of the rounds.',
    ...remarks.map((remark) => `- ${remark}`),
  ].join('\n');
}

function formatCell(cell: Cell | undefined): string {
  if (!cell) return '–';
  const ratio = cell.ratio === undefined ? '' : ` (×${formatNumber(cell.ratio)})`;
  return `${formatNumber(cell.value)}${ratio}${cell.note ? ` ${cell.note}` : ''}`;
}

/** Three figures are more than a run is worth. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '?';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits);
}

/** Bars for downloads on a terminal; one line an outcome everywhere. */
import { styleText } from 'node:util';
import type { PullOutcome, PullProgress } from '../../images/outcome.ts';
import { formatBytes } from '../../images/space.ts';
import type { Output } from '../output.ts';

/** As much of a terminal as bars need. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

interface Bar {
  readonly label: string;
  readonly phase: 'fetch' | 'check' | 'extract';
  readonly startedAt: number;
  readonly from: number;
  readonly done: number;
  readonly total: number | undefined;
}

export interface ProgressView {
  readonly show: (event: PullProgress) => void;
  /** Takes the bars away. */
  readonly end: () => void;
}

const REDRAW_MS = 100;
const WIDTH = 24;
const PHASES = { fetch: 'fetching', check: 'checking', extract: 'unpacking' } as const;

/** @param now milliseconds, steady */
export function createProgressView(output: Output, terminal: Terminal, now: () => number): ProgressView {
  const bars = new Map<string, Bar>();
  const drawsBars = terminal.isTTY === true && output.format === 'text';
  let drawn = 0;
  let drawnAt = Number.NEGATIVE_INFINITY;

  const erase = () => {
    if (drawn > 0) terminal.write(`\x1b[${drawn}A\x1b[J`);
    drawn = 0;
  };
  const draw = () => {
    erase();
    const width = terminal.columns ?? 80;
    for (const bar of bars.values()) {
      terminal.write(`${formatBar(bar, now()).slice(0, width - 1)}\n`);
      drawn++;
    }
    drawnAt = now();
  };

  return {
    show(event) {
      if (event.kind === 'bytes') {
        if (!drawsBars) return;
        const label = event.file;
        const before = bars.get(label);
        const same = before?.phase === event.phase ? before : undefined;
        const { phase, done, total } = event;
        bars.set(label, { label, phase, done, total, startedAt: same?.startedAt ?? now(), from: same?.from ?? done });
        if (now() - drawnAt >= REDRAW_MS) draw();
        return;
      }
      erase();
      output.note(event.kind === 'step' ? event.text : outcomeLine(event.outcome));
      if (drawsBars && bars.size > 0) draw();
    },
    end() {
      erase();
      bars.clear();
    },
  };
}

/** `vmlinuz  fetching  ████░░░░  42 %  12 MiB of 28 MiB  3.1 MiB/s  5 s left` */
export function formatBar({ label, phase, startedAt, from, done, total }: Bar, at: number): string {
  const seconds = Math.max(0.001, (at - startedAt) / 1000);
  const rate = (done - from) / seconds;
  const share = total === undefined || total === 0 ? undefined : Math.min(1, done / total);
  const filled = share === undefined ? 0 : Math.round(share * WIDTH);
  const left = share !== undefined && total !== undefined && rate > 0 ? (total - done) / rate : undefined;
  return [
    label.length > 28 ? `…${label.slice(-27)}` : label.padEnd(28),
    PHASES[phase].padEnd(9),
    ...(share === undefined ? [] : [`${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${Math.floor(share * 100)} %`]),
    total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`,
    `${formatBytes(Math.round(rate))}/s`,
    ...(left === undefined ? [] : [`${formatSeconds(left)} left`]),
  ].join('  ');
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

export function outcomeLine(outcome: PullOutcome): string {
  switch (outcome.kind) {
    case 'placed':
      return `${styleText('green', '✓')} ${outcome.to}  (${outcome.image}, ${outcome.from}; ${outcome.proof})`;
    case 'present':
      return `${styleText('green', '✓')} ${outcome.to}  (there already)`;
    case 'kept':
      return `${styleText('yellow', '!')} ${outcome.to}  (kept: ${outcome.reason})`;
    case 'missing':
    case 'failed':
      return `${styleText('red', '✗')} ${outcome.to}  (${outcome.reason})`;
    default:
      return outcome satisfies never;
  }
}

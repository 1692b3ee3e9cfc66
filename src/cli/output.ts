/** How commands speak: plain tables for people, JSON for pipes, problems on stderr. */
import { styleText } from 'node:util';
import { formatProblem, type Problem } from '../errors.ts';

/** Exit codes of every command. */
export const EXIT = { ok: 0, failed: 1, usage: 2, notFound: 3, denied: 4, server: 5 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export type OutputFormat = 'text' | 'json';

export interface Output {
  readonly format: OutputFormat;
  /** A result: `text` for people, `data` for `-o json`. */
  result(text: string | (() => string), data: unknown): void;
  /** Something to know that is not the result; goes to stderr. */
  note(text: string): void;
  problems(problems: readonly Problem[]): void;
}

interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

export function createOutput(format: OutputFormat, streams: Streams): Output {
  return {
    format,
    result(text, data) {
      const shown = format === 'json' ? JSON.stringify(data, jsonValue, 2) : typeof text === 'string' ? text : text();
      streams.stdout.write(shown.endsWith('\n') || shown === '' ? shown : `${shown}\n`);
    },
    note(text) {
      streams.stderr.write(`${text}\n`);
    },
    problems(problems) {
      for (const problem of problems) {
        const mark = problem.severity === 'error' ? styleText('red', '✗') : styleText('yellow', '!');
        streams.stderr.write(`${mark} ${formatProblem(problem)}\n`);
      }
    },
  };
}

/** Columns as wide as their widest cell; the last one is left ragged. */
export function formatTable(headers: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = headers.map((header, column) =>
    Math.max(header.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join('  ');
  return [headers.map((header) => header.toUpperCase()), ...rows].map((row) => line(row).trimEnd()).join('\n');
}

function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value;
}

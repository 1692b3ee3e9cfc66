/** What a lint finds in a finished file: a place in it, what is wrong, and what to change. */

export interface Slip {
  /** `error`: the machine that reads it stops or does what nobody meant. `warning`: it may. */
  readonly severity: 'error' | 'warning';
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  readonly message: string;
  readonly advice?: string;
}

/** Reads a whole rendered file and returns every slip; never throws, whatever the text. */
export type Lint = (text: string) => readonly Slip[];

/** Collects slips in reading order. */
export interface Slips {
  error(line: number, column: number, message: string, advice?: string): void;
  warning(line: number, column: number, message: string, advice?: string): void;
  readonly all: readonly Slip[];
}

export function collectSlips(): Slips {
  const all: Slip[] = [];
  const add =
    (severity: Slip['severity']) =>
    (line: number, column: number, message: string, advice?: string): void => {
      all.push({ severity, line, column, message, ...(advice && { advice }) });
    };
  return { error: add('error'), warning: add('warning'), all };
}

/** One word of a line; columns count from 1. */
export interface Word {
  readonly text: string;
  readonly column: number;
}

/** Splits at blanks. */
export function wordsOf(line: string): readonly Word[] {
  return [...line.matchAll(/\S+/g)].map((found) => ({ text: found[0], column: found.index + 1 }));
}

/**
 * Where in which template each piece of a rendered file came from. Marks of private-use characters go into the syntax tree
 * before it is compiled, come out in the text, and are taken out again.
 */

/** A place in a template; lines and columns count from 1. */
export interface TracedPlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

export interface Trace {
  /** As a machine would get it. */
  readonly text: string;
  /** Where what stands at a line and column of `text` was written. */
  at(line: number, column: number): TracedPlace;
}

const OPEN = '\ue000';
const CLOSE = '\ue001';
const MARK = /\ue000([tv])(\d+):(\d+):([^\ue001]*)\ue001/g;

/** Marks the program in place: each line of text, and each value. */
export function markProgram(program: hbs.AST.Program, file: string): void {
  program.body = program.body.flatMap((node): hbs.AST.Statement[] => {
    switch (node.type) {
      case 'ContentStatement': {
        const content = node as hbs.AST.ContentStatement;
        content.value = markLines(content, file);
        return [content];
      }
      case 'MustacheStatement': {
        const { line, column } = node.loc.start;
        const value = mark('v', line, column + 1, file);
        const content = { type: 'ContentStatement', value, original: value, loc: node.loc };
        return [content as unknown as hbs.AST.ContentStatement, node];
      }
      case 'BlockStatement': {
        const block = node as hbs.AST.BlockStatement;
        if (block.program) markProgram(block.program, file);
        if (block.inverse) markProgram(block.inverse, file);
        return [block];
      }
      default:
        return [node];
    }
  });
}

/** Blank space at either end was taken away where a tag stood alone on its line: `original` still has it. */
function markLines({ value, original, loc }: hbs.AST.ContentStatement, file: string): string {
  const before = String(original)
    .slice(0, Math.max(0, String(original).indexOf(value)))
    .split('\n');
  let line = loc.start.line + before.length - 1;
  let column = (before.length === 1 ? loc.start.column : 0) + (before.at(-1)?.length ?? 0) + 1;
  return value
    .split('\n')
    .map((text) => {
      const marked = text === '' ? '' : mark('t', line, column, file) + text;
      line += 1;
      column = 1;
      return marked;
    })
    .join('\n');
}

function mark(kind: 't' | 'v', line: number, column: number, file: string): string {
  return `${OPEN}${kind}${line}:${column}:${file}${CLOSE}`;
}

interface Segment extends TracedPlace {
  readonly offset: number;
  /** A value of any length stands where its tag stood. */
  readonly isValue: boolean;
}

/** @param file what is said of text without a mark */
export function readTrace(marked: string, file: string): Trace {
  const segments: Segment[] = [];
  let text = '';
  let from = 0;
  for (const found of marked.matchAll(MARK)) {
    text += marked.slice(from, found.index);
    from = found.index + found[0].length;
    const [, kind, line, column, name = file] = found;
    segments.push({
      offset: text.length,
      isValue: kind === 'v',
      file: name,
      line: Number(line),
      column: Number(column),
    });
  }
  text += marked.slice(from);
  const starts = [0, ...[...text.matchAll(/\n/g)].map((found) => found.index + 1)];
  return {
    text,
    at: (line, column) => {
      const start = starts[Math.min(line, starts.length) - 1] ?? 0;
      const offset = start + column - 1;
      const index = lastAt(segments, offset);
      const last = segments[index];
      // Each line of text has a mark of its own; what stands before it is the indentation of a partial.
      const best = last && (last.offset >= start || last.isValue) ? last : (segments[index + 1] ?? last);
      if (!best) return { file, line: 1, column: 1 };
      const moved = best.isValue ? 0 : Math.max(0, offset - best.offset);
      return { file: best.file, line: best.line, column: best.column + moved };
    },
  };
}

/** Index of the last one that begins at `offset` or before; -1 for none. */
function lastAt(segments: readonly Segment[], offset: number): number {
  let low = 0;
  let high = segments.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((segments[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

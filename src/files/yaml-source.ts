/** One YAML file as plain data, with the place of every value for problems. */
import { type Document, isAlias, isCollection, isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Problem } from '../errors.ts';

/** Path into a document: `['files', 2, 'path']`. */
export type DataPath = readonly (string | number)[];

export interface YamlSource {
  readonly document: Document;
  /** Plain data; undefined when there are problems. */
  readonly data?: unknown;
  /** What is wrong with the YAML itself, all at once. */
  readonly problems: readonly Problem[];
  /** Line and column (from 1) of the value at `path`, or of the nearest one above it that is written. */
  locate(path: DataPath): { readonly line: number; readonly column: number };
  /** Line and column of the key `name` of the mapping at `path`. */
  locateKey(path: DataPath, name: string): { readonly line: number; readonly column: number };
}

/** Enough for any honest use of anchors, too few for a bomb. */
const MAX_ALIASES = 100;

const ADVICE: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'Indent with spaces.',
  BAD_ALIAS: 'Define the anchor (&name) before it is used.',
  TAG_RESOLVE_FAILED: 'Remove the tag; values are plain YAML.',
  MULTIPLE_DOCS: 'One object a file: remove the "---" and what follows.',
  BAD_INDENT: 'Line the keys of one object up in one column.',
  MISSING_CHAR: 'Check the quotes, brackets and colons on this line.',
};

/** Where the library speaks to programmers. */
const MESSAGES: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: 'the file holds several documents',
};

const REPEATED = 'the key stands here a second time';

export function parseYaml(file: string, text: string): YamlSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, version: '1.2' });

  const placeAt = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  // A warning is an unknown tag or directive: a value that would not be what it looks like.
  const problems: Problem[] = [...document.errors, ...document.warnings].map((fault) => ({
    severity: 'error',
    file,
    ...placeAt(fault.pos[0]),
    message: MESSAGES[fault.code] ?? plain(fault.message),
    ...(ADVICE[fault.code] && { advice: ADVICE[fault.code] }),
  }));

  if (problems.length === 0) {
    for (const offset of repeatedKeys(document)) {
      problems.push({ severity: 'error', file, ...placeAt(offset), message: REPEATED, advice: 'Keep one of the two.' });
    }
  }

  const locate = (path: DataPath) => placeAt(nodeAt(document, path)?.range?.[0] ?? 0);
  const source = {
    document,
    locate,
    locateKey: (path: DataPath, name: string) => {
      const map = path.length === 0 ? document.contents : document.getIn(path, true);
      const pair = isMap(map) && map.items.find((item) => (isScalar(item.key) ? String(item.key.value) : '') === name);
      return pair && isNode(pair.key) && pair.key.range ? placeAt(pair.key.range[0]) : locate(path);
    },
  };
  if (problems.length > 0) return { ...source, problems };
  try {
    return { ...source, problems, data: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch (error) {
    const message = error instanceof ReferenceError ? 'too many aliases' : 'the document cannot be read';
    return { ...source, problems: [{ severity: 'error', file, line: 1, column: 1, message, advice: 'Write it out.' }] };
  }
}

/** Offsets of keys that stand in their mapping already; the library's own check takes minutes for a hundred thousand. */
function repeatedKeys(document: Document): readonly number[] {
  const found: number[] = [];
  // By hand: the library's own walk keeps a path to every node and takes as long as parsing.
  const waiting: unknown[] = [document.contents];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (isMap(node)) {
      const seen = new Set<unknown>();
      for (const { key, value } of node.items) {
        if (isScalar(key)) {
          if (seen.has(key.value)) found.push(key.range?.[0] ?? 0);
          seen.add(key.value);
        } else waiting.push(key);
        if (isCollection(value)) waiting.push(value);
      }
    } else if (isCollection(node)) for (const item of node.items) if (isCollection(item)) waiting.push(item);
  }
  return found.sort((a, b) => a - b);
}

function nodeAt(document: Document, path: DataPath) {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && (isScalar(node) || isCollection(node) || isAlias(node))) return node;
  }
  return isNode(document.contents) ? document.contents : undefined;
}

/** The library's sentences in the style of the others: no capital, no full stop. */
function plain(message: string): string {
  const text = message
    .trim()
    .replace(/\.$/, '')
    .replace(/(["'])quote/, '$1 quote');
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** Small contents that are the same for everybody, kept where requests arrive: a storm asks for one loader a thousand times. */
import type { CommonContent, OpenContent } from '../boot/content.ts';

export interface CommonContents {
  /** What a path holds now, if that is known without asking whoever opens files. */
  find(path: string): OpenContent | undefined;
  /** Keeps a content that says it is common and is all in memory. */
  keep(path: string, content: OpenContent): void;
  /** Time has passed: what was found to hold before is looked at again. */
  turn(): void;
}

export interface CommonContentsOptions {
  /** Whether the file behind a content is still the one that was read. */
  readonly looksTheSame: (file: string, look: CommonContent['look']) => boolean;
}

interface Row {
  readonly content: OpenContent;
  readonly common: CommonContent;
  readonly bytes: number;
  /** The turn in which it was looked at last. */
  seenIn: number;
}

const MOST_BYTES = 64 * 1024 * 1024;
const MOST_ROWS = 1024;

export function createCommonContents({ looksTheSame }: CommonContentsOptions): CommonContents {
  /** In the order they came; what is asked for again after it was dropped comes anew. */
  const rows = new Map<string, Row>();
  let bytes = 0;
  let now = 0;

  function drop(path: string, row: Row): void {
    rows.delete(path);
    bytes -= row.bytes;
  }

  function holds({ common }: Row): boolean {
    return Atomics.load(common.epochs, 0) === common.epoch && looksTheSame(common.file, common.look);
  }

  return {
    find(path) {
      const row = rows.get(path);
      if (!row) return undefined;
      // All requests of one turn were there when it began: for them one look is as good as many.
      if (row.seenIn !== now) {
        if (!holds(row)) {
          drop(path, row);
          return undefined;
        }
        row.seenIn = now;
      }
      return row.content;
    },
    keep(path, content) {
      const { common } = content;
      if (!common || !content.bytes) return;
      const before = rows.get(path);
      if (before) drop(path, before);
      const row = { content, common, bytes: content.bytes.length, seenIn: -1 };
      rows.set(path, row);
      bytes += row.bytes;
      for (const [oldPath, old] of rows) {
        if (bytes <= MOST_BYTES && rows.size <= MOST_ROWS) break;
        drop(oldPath, old);
      }
    },
    turn: () => {
      now++;
    },
  };
}

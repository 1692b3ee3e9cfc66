/** A directory of files for one test, gone afterwards. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

export interface TemporaryTree {
  readonly root: string;
  /** Absolute path of `path` in the tree. */
  at(path: string): string;
  write(path: string, content: string | Uint8Array): void;
}

export function temporaryTree(files: Readonly<Record<string, string | Uint8Array>> = {}): TemporaryTree {
  const root = mkdtempSync(join(tmpdir(), 'hobnail-test-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const at = (path: string) => join(root, path);
  const write = (path: string, content: string | Uint8Array) => {
    mkdirSync(dirname(at(path)), { recursive: true });
    writeFileSync(at(path), content);
  };
  for (const [path, content] of Object.entries(files)) write(path, content);
  return { root, at, write };
}

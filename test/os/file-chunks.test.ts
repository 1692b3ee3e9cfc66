import { closeSync, openSync, renameSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { createFileChunks } from '../../src/os/file-chunks.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const CHUNK = 256 * 1024;
const BYTES = Buffer.alloc(3 * CHUNK + 100, 'old bytes ');

/** A file with an old time, so that whatever is written to it shows. */
function opened() {
  const tree = temporaryTree();
  const path = tree.at('kernel');
  writeFileSync(path, BYTES);
  utimesSync(path, 1000, 1000);
  const descriptor = openSync(path, 'r');
  onTestFinished(() => closeSync(descriptor));
  const { size, mtimeMs } = statSync(path);
  return {
    tree,
    path,
    file: { origin: 'image kernel', etag: 'v1', descriptor, size, modifiedAt: Math.floor(mtimeMs) },
  };
}

it('gives everything of a file, to its end', () => {
  const { file } = opened();
  const chunks = createFileChunks();
  const parts: Uint8Array[] = [];
  for (let position = 0; position < file.size; position += parts.at(-1)?.length ?? 0) {
    parts.push(chunks.read(file, position));
  }
  expect(Buffer.concat(parts).equals(BYTES)).toBe(true);
  expect(chunks.read(file, file.size)).toHaveLength(0);
});

it('T-33 gives no bytes that were written since the file was opened', () => {
  const { path, file } = opened();
  const chunks = createFileChunks();
  const first = chunks.read(file, 0);
  const writer = openSync(path, 'r+');
  writeSync(writer, Buffer.alloc(BYTES.length, 'new bytes '), 0, BYTES.length, 0);
  closeSync(writer);
  // What was read before stays what it was.
  expect(Buffer.compare(first, BYTES.subarray(0, CHUNK))).toBe(0);
  expect(Buffer.compare(chunks.read(file, 10), BYTES.subarray(10, CHUNK))).toBe(0);
  expect(() => chunks.read(file, CHUNK)).toThrow(/image kernel was written to while it was sent/);
});

it('T-33 goes on with the open file when another takes its name', () => {
  const { tree, path, file } = opened();
  const chunks = createFileChunks();
  chunks.read(file, 0);
  tree.write('next', 'another kernel');
  renameSync(tree.at('next'), path);
  expect(Buffer.compare(chunks.read(file, CHUNK), BYTES.subarray(CHUNK, 2 * CHUNK))).toBe(0);
});

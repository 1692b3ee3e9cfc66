import { expect, it } from 'vitest';
import type { OpenContent } from '../../src/boot/content.ts';
import { createCommonContents } from '../../src/tftp/common-contents.ts';

const LOOK = { dev: 1, ino: 2, size: 3, mtimeMs: 4, ctimeMs: 5 };
const epochs = new Int32Array(new SharedArrayBuffer(4));

function contentOf(file: string, bytes = new Uint8Array(3)): OpenContent {
  return {
    kind: 'content',
    size: bytes.length,
    contentType: 'text/plain',
    etag: 'e',
    modifiedAt: 0,
    origin: `image ${file}`,
    bytes,
    common: { file, look: LOOK, epochs, epoch: Atomics.load(epochs, 0) },
    read: async () => 0,
    close: async () => undefined,
  };
}

function create() {
  const files = new Map<string, boolean>();
  let looks = 0;
  const contents = createCommonContents({
    looksTheSame: (file) => {
      looks++;
      return files.get(file) ?? true;
    },
  });
  return { contents, files, looks: () => looks };
}

it('gives what was kept, by the name that was asked, and nothing else', () => {
  const { contents } = create();
  const content = contentOf('/boot/a');
  contents.keep('a', content);
  expect(contents.find('a')).toBe(content);
  expect(contents.find('A')).toBeUndefined();
});

it('keeps nothing that is not common, and nothing that is not in memory', () => {
  const { contents } = create();
  const { common: _common, ...own } = contentOf('/boot/own');
  const { bytes: _bytes, ...large } = contentOf('/boot/large');
  contents.keep('own', own);
  contents.keep('large', large);
  expect([contents.find('own'), contents.find('large')]).toEqual([undefined, undefined]);
});

it('looks at the file once a turn, and forgets what looks different', () => {
  const { contents, files, looks } = create();
  contents.keep('a', contentOf('/boot/a'));
  for (let count = 0; count < 5; count++) contents.find('a');
  expect(looks()).toBe(1);
  files.set('/boot/a', false);
  contents.turn();
  expect(contents.find('a')).toBeUndefined();
  files.set('/boot/a', true);
  expect(contents.find('a')).toBeUndefined();
});

it('forgets everything when the catalog moves on', () => {
  const { contents } = create();
  contents.keep('a', contentOf('/boot/a'));
  expect(contents.find('a')).toBeDefined();
  Atomics.add(epochs, 0, 1);
  contents.turn();
  expect(contents.find('a')).toBeUndefined();
});

it('holds at most 64 MiB, the oldest goes first', () => {
  const { contents } = create();
  const large = new Uint8Array(1024 * 1024);
  for (let count = 0; count < 65; count++) contents.keep(`${count}`, contentOf(`/boot/${count}`, large));
  expect(contents.find('0')).toBeUndefined();
  expect(contents.find('1')).toBeDefined();
  contents.keep('1', contentOf('/boot/1', large));
  expect(contents.find('2')).toBeDefined();
});

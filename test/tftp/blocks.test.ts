import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { directBlocks, memoryBlocks, streamBlocks } from '../../src/tftp/blocks.ts';
import { encodeNetascii } from '../../src/tftp/netascii.ts';
import { decodeNetascii } from '../support/netascii.ts';

const pattern = (size: number) => Uint8Array.from({ length: size }, (_, index) => (index * 7 + (index >>> 8)) & 255);

interface Source {
  readonly bytes: Uint8Array;
  readonly blksize: number;
  readonly windowsize?: number;
  readonly netascii?: boolean;
  /** Most bytes a read gives at once. */
  readonly grain?: number;
  readonly size?: number;
}

function open({ bytes, blksize, windowsize = 1, netascii = false, grain = 1e9, size = bytes.length }: Source) {
  const failures: unknown[] = [];
  const blocks = streamBlocks({
    size,
    blksize,
    windowsize,
    ...(netascii && { translate: encodeNetascii }),
    read: async (into, position) => {
      const part = bytes.subarray(position, position + Math.min(grain, into.length));
      into.set(part);
      return part.length;
    },
    onAvailable: () => {},
    onFailure: (error) => failures.push(error),
  });
  return { blocks, failures };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

async function readAll(source: Source): Promise<Uint8Array[]> {
  const { blocks } = open(source);
  const taken: Uint8Array[] = [];
  for (let block = 1; ; block++) {
    blocks.advance(block);
    for (let turn = 0; blocks.available() < block && turn < 1000; turn++) await settled();
    taken.push(blocks.at(block).slice());
    if (block === blocks.last()) return taken;
  }
}

describe('blocks', () => {
  it.each([
    ['of an empty file: one empty block', 0, [0]],
    ['of less than a block', 511, [511]],
    ['of exactly a block: an empty one follows', 512, [512, 0]],
    ['of a block and a byte', 513, [512, 1]],
    ['of two blocks', 1024, [512, 512, 0]],
  ])('T-24 %s', async (_name, size, lengths) => {
    const bytes = pattern(size);
    const memory = memoryBlocks(bytes, 512);
    expect(memory.last()).toBe(lengths.length);
    expect(lengths.map((_, index) => memory.at(index + 1).length)).toEqual(lengths);
    expect((await readAll({ bytes, blksize: 512 })).map((block) => block.length)).toEqual(lengths);
  });

  it('T-24 from a stream are those from memory, whatever the sizes', async () => {
    const source = fc.record({
      bytes: fc.nat(200_000).map(pattern),
      blksize: fc.oneof(fc.integer({ min: 64, max: 2000 }), fc.constantFrom(512, 1024, 32_768, 65_464)),
      windowsize: fc.integer({ min: 1, max: 64 }),
      netascii: fc.boolean(),
      grain: fc.constantFrom(4096, 10_000, 1_000_000),
    });
    await fc.assert(
      fc.asyncProperty(source, async (given) => {
        const expected = given.netascii ? encodeNetascii(given.bytes) : given.bytes;
        const blocks = await readAll(given);
        expect(Buffer.concat(blocks).equals(expected)).toBe(true);
        expect(blocks.slice(0, -1).every((block) => block.length === given.blksize)).toBe(true);
        expect(blocks.at(-1)?.length).toBe(expected.length % given.blksize);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['LF', '\n'],
    ['CR', '\r'],
  ])('T-45 split a pair of %s at the end of a block', async (_name, octet) => {
    const bytes = Uint8Array.from(Buffer.from(`${'x'.repeat(511)}${octet}y`));
    const [first, second] = await readAll({ bytes, blksize: 512, netascii: true });
    expect(first?.at(-1)).toBe(13);
    expect([...(second ?? [])]).toEqual([octet === '\n' ? 10 : 0, 121]);
  });

  it.each(
    ['\n', '\r'].flatMap((octet) =>
      [
        { place: 'a block', before: 511 },
        { place: 'a window of two', before: 1023 },
        { place: 'the file, over two blocks', before: 511, atEnd: true },
        { place: 'the file, filling its block', before: 510, atEnd: true },
      ].map((row) => ({ octet, ...row })),
    ),
  )('T-45 lose nothing of $octet at the end of $place', async ({ octet, before, atEnd = false }) => {
    const bytes = Uint8Array.from(Buffer.from(`${'x'.repeat(before)}${octet}${atEnd ? '' : 'y'.repeat(600)}`));
    const blocks = await readAll({ bytes, blksize: 512, windowsize: 2, netascii: true, grain: 100 });
    const sent = Buffer.concat(blocks);
    expect(sent.equals(encodeNetascii(bytes))).toBe(true);
    expect(Buffer.from(decodeNetascii(sent)).equals(bytes)).toBe(true);
    expect(blocks.slice(0, -1).map((block) => block.length)).toEqual(blocks.slice(1).map(() => 512));
    expect(blocks.at(-1)?.length).toBe(sent.length % 512);
  });

  it('T-46 keep translated blocks until they are released', async () => {
    const bytes = Uint8Array.from(Buffer.from('line\r\n'.repeat(400)));
    const { blocks } = open({ bytes, blksize: 100, windowsize: 4, netascii: true });
    blocks.advance(1);
    await settled();
    const once = blocks.at(3).slice();
    blocks.advance(3);
    await settled();
    expect(blocks.at(3)).toEqual(once);
  });

  it('read ahead of the window by a bounded amount', async () => {
    const { blocks } = open({ bytes: pattern(10_000_000), blksize: 1468, windowsize: 16 });
    blocks.advance(1);
    for (let turn = 0; turn < 50; turn++) await settled();
    expect(blocks.available()).toBeGreaterThanOrEqual(32);
    expect(blocks.available()).toBeLessThan(150);
  });

  it('T-34 tell of a file that became shorter', async () => {
    const { blocks, failures } = open({ bytes: pattern(700), size: 1000, blksize: 512 });
    blocks.advance(1);
    await settled();
    expect(blocks.available()).toBe(1);
    expect(String(failures)).toContain('the file ended after 700 of 1000 bytes');
  });
});

describe('blocks read when they are sent', () => {
  const give = (bytes: Uint8Array, piece: number) => (position: number) =>
    bytes.subarray(position, (Math.floor(position / piece) + 1) * piece);

  it('are the bytes of the file, whatever the pieces are, in order and again', () => {
    fc.assert(
      fc.property(
        fc.nat(3000),
        fc.integer({ min: 8, max: 600 }),
        fc.integer({ min: 1, max: 700 }),
        (size, blksize, piece) => {
          const bytes = pattern(size);
          const blocks = directBlocks(size, blksize, give(bytes, piece));
          const last = blocks.last() ?? 0;
          expect([blocks.available(), last]).toEqual([last, Math.floor(size / blksize) + 1]);
          const got = Array.from({ length: last }, (_, index) => Buffer.from(blocks.at(index + 1)));
          expect(Buffer.concat(got).equals(bytes)).toBe(true);
          expect(got.every((block, index) => index === last - 1 || block.length === blksize)).toBe(true);
          const middle = Math.ceil(last / 2);
          expect(got[middle - 1]?.equals(blocks.at(middle))).toBe(true);
        },
      ),
    );
  });

  it('keep the bytes of a piece apart from those of the next', () => {
    const blocks = directBlocks(6, 2, give(Uint8Array.of(1, 2, 3, 4, 5, 6), 2));
    const [first, second] = [blocks.at(1), blocks.at(2)];
    expect([[...first], [...second]]).toEqual([
      [1, 2],
      [3, 4],
    ]);
  });

  it('fail as reading does', () => {
    const blocks = directBlocks(6, 2, () => {
      throw new Error('no disk');
    });
    expect(() => blocks.at(1)).toThrow('no disk');
  });
});

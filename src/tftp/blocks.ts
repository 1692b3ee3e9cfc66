/** The blocks of a file in the order they are sent: all at once from memory, or read ahead of the window. */

/** Blocks count from 1. */
export interface Blocks {
  /** Highest block `at` can give now. */
  available(): number;
  /** Number of the final, short block; undefined until it is known. */
  last(): number | undefined;
  /** Payload of a block between the lowest not released and `available`; a view. */
  at(block: number): Uint8Array;
  /** Forgets the blocks below `base` and reads on, so that the window from `base` and the next one can be sent. */
  advance(base: number): void;
}

const EMPTY = new Uint8Array(0);
/** Read at a time: a block at least, otherwise as many whole ones as fit. */
const CHUNK_BYTES = 64 * 1024;

/** Everything is there already. */
export function memoryBlocks(bytes: Uint8Array, blksize: number): Blocks {
  const last = Math.floor(bytes.length / blksize) + 1;
  return {
    available: () => last,
    last: () => last,
    at: (block) => bytes.subarray((block - 1) * blksize, block * blksize),
    advance: () => {},
  };
}

/**
 * Read when they are sent, piece by piece, where that does not have to wait.
 * @param readNow as in `OpenContent`
 */
export function directBlocks(size: number, blksize: number, readNow: (position: number) => Uint8Array): Blocks {
  const last = Math.floor(size / blksize) + 1;
  let piece: Uint8Array = EMPTY;
  let pieceAt = 0;

  /** What the piece at hand has of a range that begins in it. */
  function at(start: number, end: number): Uint8Array {
    if (start < pieceAt || start >= pieceAt + piece.length) {
      piece = readNow(start);
      pieceAt = start;
    }
    return piece.subarray(start - pieceAt, end - pieceAt);
  }

  return {
    available: () => last,
    last: () => last,
    at: (block) => {
      const start = (block - 1) * blksize;
      const end = Math.min(start + blksize, size);
      if (start === end) return EMPTY;
      const first = at(start, end);
      if (first.length === end - start) return first;
      const whole = new Uint8Array(end - start);
      whole.set(first);
      for (let filled = first.length; filled < whole.length; ) {
        const next = at(start + filled, end);
        whole.set(next, filled);
        filled += next.length;
      }
      return whole;
    },
    advance: () => {},
  };
}

export interface StreamOptions {
  /** Octets the file has. */
  readonly size: number;
  readonly blksize: number;
  readonly windowsize: number;
  /** Reads into `into` from `position`; resolves to the count, 0 at the end. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Changes what is read into what is sent; it may grow. */
  readonly translate?: (octets: Uint8Array) => Uint8Array;
  /** More blocks have become available. */
  onAvailable(): void;
  /** Reading failed, or the file ended before its size. Nothing comes after it. */
  onFailure(error: unknown): void;
}

/** Holds at most two windows and two chunks, whatever the size of the file. `advance(1)` starts it. */
export function streamBlocks(options: StreamOptions): Blocks {
  const { size, blksize, translate } = options;
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / blksize));
  const chunkBytes = perChunk * blksize;
  const ahead = Math.max(2 * options.windowsize, Math.ceil(perChunk / 2));
  /** Chunk number → its bytes; the newest is filled up to `produced`. */
  const chunks = new Map<number, Uint8Array>();
  let base = 1;
  let lowestChunk = 0;
  let position = 0;
  let produced = 0;
  let reading = false;
  let failed = false;

  const ended = () => position === size;
  const available = () => Math.floor(produced / blksize) + (ended() ? 1 : 0);

  /** The unfilled rest of the newest chunk. */
  function room(): Uint8Array {
    const number = Math.floor(produced / chunkBytes);
    let chunk = chunks.get(number);
    if (!chunk) {
      const left = translate ? chunkBytes : Math.min(chunkBytes, size - position);
      chunk = new Uint8Array(left);
      chunks.set(number, chunk);
    }
    return chunk.subarray(produced % chunkBytes);
  }

  async function readOctets(into: Uint8Array): Promise<number> {
    const count = await options.read(into, position);
    if (count <= 0) throw new Error(`the file ended after ${position} of ${size} bytes`);
    return count;
  }

  /** `position` and `produced` move together, without an `await` between. */
  async function produce(): Promise<void> {
    if (!translate) {
      const count = await readOctets(room());
      position += count;
      produced += count;
      return;
    }
    const octets = new Uint8Array(Math.min(chunkBytes, size - position));
    const count = await readOctets(octets);
    position += count;
    let translated = translate(octets.subarray(0, count));
    while (translated.length > 0) {
      const space = room();
      const part = translated.subarray(0, space.length);
      space.set(part);
      produced += part.length;
      translated = translated.subarray(part.length);
    }
  }

  async function readAhead(): Promise<void> {
    reading = true;
    try {
      while (!ended() && available() < base + ahead) {
        const before = available();
        await produce();
        if (available() > before) options.onAvailable();
      }
    } catch (error) {
      failed = true;
      options.onFailure(error);
    } finally {
      reading = false;
    }
  }

  return {
    available,
    last: () => {
      if (!translate) return Math.floor(size / blksize) + 1;
      return ended() ? Math.floor(produced / blksize) + 1 : undefined;
    },
    at: (block) => {
      const start = (block - 1) * blksize;
      const chunk = chunks.get(Math.floor(start / chunkBytes));
      if (!chunk) return EMPTY;
      const from = start % chunkBytes;
      return chunk.subarray(from, from + Math.min(blksize, produced - start));
    },
    advance: (to) => {
      base = to;
      const keep = Math.floor((base - 1) / perChunk);
      while (lowestChunk < keep) chunks.delete(lowestChunk++);
      if (!reading && !failed && !ended() && available() < base + ahead) void readAhead();
    },
  };
}

/** Lines of the log on their way to a descriptor: gathered for a moment and written by one call, because a boot storm has thousands a second. */
import { write, writeSync } from 'node:fs';

export interface LogLines {
  /** Never waits, never throws. */
  write(line: string): void;
  /** Calls back when everything was written, or could not be. */
  flush(done: () => void): void;
  /** What still waits is forgotten. */
  destroy(): void;
}

/** Characters that wait for a disk or pipe that takes none; lines beyond are dropped. */
const MOST_WAITING = 16 * 1024 * 1024;
const GATHER_MS = 20;
const BLOCK = 64 * 1024;
/** A pipe whose reader is behind. */
const RETRY_MS = 50;

/** A disk that is full costs the lines that do not fit, never the appliance. What waits at the end of the process is written then. */
export function openLogLines(fd: number): LogLines {
  let waiting: string[] = [];
  let length = 0;
  let timer: NodeJS.Timeout | undefined;
  let isWriting = false;
  let flushed: (() => void)[] = [];

  const take = (): Buffer => {
    const block = Buffer.from(waiting.join(''));
    waiting = [];
    length = 0;
    return block;
  };
  const next = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (isWriting) return;
    if (waiting.length === 0) {
      for (const done of flushed.splice(0)) done();
      return;
    }
    isWriting = true;
    put(take());
  };
  const put = (block: Buffer): void => {
    write(fd, block, (error, written) => {
      if (error?.code === 'EAGAIN') return void setTimeout(put, RETRY_MS, block).unref();
      if (!error && written < block.length) return put(block.subarray(written));
      isWriting = false;
      if (length >= BLOCK || flushed.length > 0) next();
      else if (length > 0) soon();
    });
  };
  const soon = (): void => {
    timer ??= setTimeout(next, GATHER_MS).unref();
  };
  const writeLast = (): void => {
    try {
      for (let block = take(); block.length > 0; ) block = block.subarray(writeSync(fd, block));
    } catch {
      // Nobody is left to be told.
    }
  };
  process.once('exit', writeLast);

  return {
    write(line) {
      if (length > MOST_WAITING) return;
      waiting.push(line);
      length += line.length;
      if (length >= BLOCK) next();
      else soon();
    },
    flush(done) {
      flushed.push(done);
      next();
    },
    destroy() {
      clearTimeout(timer);
      process.off('exit', writeLast);
      waiting = [];
      flushed = [];
    },
  };
}

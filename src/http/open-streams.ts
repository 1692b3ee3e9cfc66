/** Answers that go on: each ends when the token or the session behind it does. */
import type { Readable } from 'node:stream';

export interface OpenStreams {
  /** @param isStillLetIn asked now and then, and whenever somebody lost the right to log in */
  add(stream: Readable, isStillLetIn: () => Promise<boolean>): void;
  /** Somebody lost the right to log in: ends the streams that are not let in any more. */
  recheck(): void;
  close(): void;
}

/** @param everyMs between two looks by itself: tokens are also taken back on the command line, which tells nobody */
export function createOpenStreams(everyMs: number): OpenStreams {
  const open = new Map<Readable, () => Promise<boolean>>();
  const recheck = () => {
    for (const [stream, isStillLetIn] of open) {
      // A database that cannot be read takes nobody's right away; the next look asks again.
      isStillLetIn().then(
        (isGood) => isGood || stream.destroy(),
        () => undefined,
      );
    }
  };
  const timer = setInterval(recheck, everyMs).unref();
  return {
    add(stream, isStillLetIn) {
      open.set(stream, isStillLetIn);
      stream.once('close', () => open.delete(stream));
    },
    recheck,
    close() {
      clearInterval(timer);
      for (const stream of open.keys()) stream.destroy();
    },
  };
}

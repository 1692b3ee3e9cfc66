/** Contents as the reader would open them. */
import type { OpenContent } from '../../src/boot/content.ts';
import { AppError } from '../../src/errors.ts';

export interface FakeContent extends OpenContent {
  readonly isClosed: () => boolean;
}

export interface FakeContentOptions {
  /** Leaves `bytes` out, so that they must be read. */
  readonly streamed?: boolean;
  /** From this position on reading fails. */
  readonly rottenFrom?: number;
}

export function contentOf(source: string | Uint8Array, options: FakeContentOptions = {}): FakeContent {
  const bytes = typeof source === 'string' ? new TextEncoder().encode(source) : source;
  let closed = false;
  return {
    kind: 'content',
    size: bytes.length,
    contentType: 'application/octet-stream',
    etag: 'fixed',
    modifiedAt: 0,
    origin: 'test',
    ...(!options.streamed && { bytes }),
    read: async (into, position) => {
      if (closed) throw new Error('read after close');
      if (position + into.length > (options.rottenFrom ?? Number.POSITIVE_INFINITY)) {
        throw new AppError('read-failed', 'the disk gave an I/O error: replace it');
      }
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
    close: async () => {
      if (closed) throw new Error('closed twice');
      closed = true;
    },
    isClosed: () => closed,
  };
}

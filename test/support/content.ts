/** Contents as the reader would open them. */
import type { OpenContent } from '../../src/boot/content.ts';

export interface FakeContent extends OpenContent {
  readonly isClosed: () => boolean;
}

/** `streamed` leaves `bytes` out, so that they must be read. */
export function contentOf(source: string | Uint8Array, options: { readonly streamed?: boolean } = {}): FakeContent {
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

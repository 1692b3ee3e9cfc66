/** Content → socket: large reads, a block or two in memory a client, never faster than the client takes them. */
import type { ServerResponse } from 'node:http';
import type { OpenContent } from '../boot/content.ts';
import { AppError } from '../errors.ts';
import { asText } from './ready-answers.ts';

const KIB = 1024;
const ONE_PIECE = 16 * KIB;
/** Above so many transfers at once the blocks get small, so that a storm of clients stays within a few hundred MiB. */
const CALM = 32;
const CROWD = 128;

/** The client went away before it had everything. */
export class ClientGone extends Error {
  constructor() {
    super('the client closed the connection');
    this.name = 'ClientGone';
  }
}

/**
 * Writes bytes `start` to `end` (exclusive) of the content and ends the response. The head must have been written, with
 * their exact number.
 * @param running how many transfers there are at this moment
 * @throws ClientGone
 * @throws AppError `read-failed` when the content ends early; the promised length can then not be kept
 */
export async function sendContent(
  response: ServerResponse,
  content: OpenContent,
  start: number,
  end: number,
  running: () => number,
): Promise<void> {
  if (response.destroyed) throw new ClientGone();
  if (content.bytes || start === end) {
    await ended(response, content.bytes?.subarray(start, end));
    return;
  }
  let sending: Buffer | undefined;
  let spare: Buffer | undefined;
  let writing: Promise<void> | undefined;
  for (let position = start, turn = 0; position < end; turn++) {
    // Looked at anew for each block: who began alone may be one of hundreds by now.
    const { size, ahead } = blocksFor(turn, end - position, running());
    // Only what is on nobody's way is written to.
    if (!ahead) await writing;
    const free = ahead ? spare : sending;
    const block: Buffer = free?.length === size ? free : Buffer.allocUnsafe(size);
    const count = await content.read(block, position);
    await writing;
    if (count === 0)
      throw new AppError('read-failed', `${content.origin} ended at ${position} of ${content.size} bytes.`);
    writing = written(response, block.subarray(0, count));
    // Its rejection is met by the next `await`; until then it must not look unhandled.
    writing.catch(() => {});
    spare = ahead ? sending : undefined;
    sending = block;
    position += count;
  }
  await writing;
  if (response.destroyed) throw new ClientGone();
  await ended(response);
}

/**
 * Reads of 1 MiB make big files three times faster than Node's own 64 KiB; small ones are done before blocks have grown so far. `ahead`:
 * the next block is read while one is on its way to the kernel. Where many share the line, each waits for it and not for the disk.
 */
function blocksFor(turn: number, left: number, running: number): { readonly size: number; readonly ahead: boolean } {
  if (running > CROWD) return { size: Math.min(32 * KIB, left), ahead: false };
  if (running > CALM) return { size: Math.min(64 * KIB, left), ahead: false };
  return { size: Math.min(64 * KIB * 2 ** Math.min(turn, 4), left), ahead: true };
}

function written(response: ServerResponse, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new ClientGone());
    if (response.destroyed) return gone();
    response.once('close', gone);
    response.write(bytes, (error) => {
      response.off('close', gone);
      if (error) gone();
      else resolve();
    });
  });
}

/** Resolves when the last byte was handed to the kernel. */
function ended(response: ServerResponse, bytes?: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    response.once('close', () => (response.writableFinished ? resolve() : reject(new ClientGone())));
    response.once('finish', resolve);
    if (!bytes) response.end();
    // As text of one byte a character it goes out in one piece with the head: one call to the kernel instead of a vector.
    else if (bytes.length <= ONE_PIECE) response.end(asText(bytes), 'latin1');
    else response.end(bytes);
  });
}

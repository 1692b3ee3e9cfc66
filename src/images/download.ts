/** One file over HTTP(S) into a part file: resumed where it stopped, tried again when the line drops, bounded in time. */
import { copyFile, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../errors.ts';
import { diskError } from './place.ts';

export interface DownloadOptions {
  readonly url: string;
  /** Where the bytes collect; `<part>.json` beside it remembers what they are of. */
  readonly part: string;
  readonly signal?: AbortSignal | undefined;
  /** `total` when the server says it. */
  readonly onBytes?: (done: number, total: number | undefined) => void;
  /**
   * Told how many bytes are to be stored before they are: all of them when the server says how many, else step by step. What it
   * throws ends the download.
   */
  readonly onSize?: (bytes: number) => Promise<void>;
  /** Largest file that is taken when the server does not say how large it is; default 64 GiB. */
  readonly maxBytes?: number;
  readonly fetch?: typeof globalThis.fetch;
  /** Between attempts. Default: 1, 2, 4, 8 seconds. */
  readonly pauseMs?: (attempt: number) => number;
  /** A server that sends nothing for so long is asked anew. Default 60,000. */
  readonly stallMs?: number;
}

const ATTEMPTS = 5;
/** Of a file whose size the server does not say, so much is stored before room is asked for again. */
const STEP_BYTES = 8 * 1024 * 1024;

/** What a part file is of: it is continued only when the server still has the same. */
interface PartOf {
  readonly url: string;
  /** A strong ETag, else the time of the last change. */
  readonly validator: string;
}

/** The server's answer makes another attempt pointless. */
class Final extends AppError {}

/**
 * Fetches the whole file; resolves to its size.
 * @throws AppError `fetch-failed` with the address and what the server did, `disk-full`
 */
export async function download(options: DownloadOptions): Promise<number> {
  const { url, part, signal } = options;
  if (url.startsWith('/')) return copyLocal(url, part, options);
  const pause = options.pauseMs ?? ((attempt: number) => 1000 * 2 ** attempt);
  for (let attempt = 0; ; attempt++) {
    try {
      return await attemptOnce(options);
    } catch (error) {
      if (signal?.aborted) throw new AppError('fetch-failed', `${url}: stopped`, { cause: error });
      if (error instanceof AppError && (error instanceof Final || error.code !== 'fetch-failed')) throw error;
      const about = diskError(error, part);
      if (about !== undefined) {
        // Leases and events may lie on this disk: it is not left full for the sake of going on later.
        await discard(part);
        throw about;
      }
      if (attempt + 1 >= ATTEMPTS) {
        const kept = (await sizeOf(part)) > 0 ? ' What came so far is kept: try again to go on from there.' : '';
        throw new AppError('fetch-failed', `${url}: ${reasonOf(error)}, ${ATTEMPTS} times.${kept}`, { cause: error });
      }
      await sleep(pause(attempt), undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Removes a part file and what is remembered of it. */
export async function discard(part: string): Promise<void> {
  await Promise.all([rm(part, { force: true }), rm(`${part}.json`, { force: true })]);
}

async function attemptOnce(options: DownloadOptions): Promise<number> {
  const { url, part, signal, onBytes = () => {}, fetch = globalThis.fetch, stallMs = 60_000 } = options;
  const known = await readPartOf(part);
  const have = known?.url === url ? await sizeOf(part) : 0;
  const stall = new AbortController();
  let timer = setTimeout(() => stall.abort(), stallMs);
  const stirred = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stall.abort(), stallMs);
  };
  try {
    const response = await fetch(url, {
      signal: signal ? AbortSignal.any([signal, stall.signal]) : stall.signal,
      headers: {
        // Bytes as they are: a length and a range mean nothing of what is packed on the way.
        'accept-encoding': 'identity',
        ...(have > 0 && known && { range: `bytes=${have}-`, 'if-range': known.validator }),
      },
    });
    if (/^https:/.test(url) && response.url && !/^https:/.test(response.url))
      throw new Final('fetch-failed', `${url} leads to ${response.url}, which is not protected by TLS.`);
    const start = await startOf(response, have, url);
    if (start === 'complete') return have;
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const total = Number.isFinite(length) ? start + length : undefined;
    if (total !== undefined) await options.onSize?.(total - start);
    const validator = validatorOf(response);
    if (validator === undefined) await rm(`${part}.json`, { force: true });
    else await writeFile(`${part}.json`, JSON.stringify({ url, validator } satisfies PartOf));

    let done = start;
    const limit = total ?? options.maxBytes ?? 64 * 1024 ** 3;
    const file = await open(part, start > 0 ? 'r+' : 'w');
    try {
      onBytes(done, total);
      let room = total ?? 0;
      for await (const chunk of response.body ?? []) {
        stirred();
        if (done + chunk.length > room && total === undefined) {
          await options.onSize?.(STEP_BYTES).catch(async (error) => {
            // It may well be endless: nobody knows what going on later would need.
            await discard(part);
            throw error;
          });
          room = done + STEP_BYTES;
        }
        if (done + chunk.length > limit) throw new Final('fetch-failed', `${url}: more bytes than the server said.`);
        await file.write(chunk, 0, chunk.length, done);
        done += chunk.length;
        onBytes(done, total);
      }
      if (total !== undefined && done !== total) throw new Error(`it ended after ${done} of ${total} bytes`);
      await file.truncate(done);
      await file.sync();
    } finally {
      await file.close();
    }
    return done;
  } catch (error) {
    if (stall.signal.aborted)
      throw new Error(`nothing came for ${Math.round(stallMs / 1000)} seconds`, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Where the body that follows begins in the file. */
async function startOf(response: Response, have: number, url: string): Promise<number | 'complete'> {
  const encoding = response.headers.get('content-encoding');
  const { status } = response;
  if (status === 200 || status === 206) {
    if (encoding !== null && encoding !== 'identity')
      throw new Final('fetch-failed', `${url} comes as ${encoding}, though the bytes as they are were asked for.`);
    if (status === 200) return 0;
    const first = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
    if (first !== have) throw new Final('fetch-failed', `${url}: bytes from ${have} were asked for, others were sent.`);
    return first;
  }
  await response.body?.cancel();
  if (status === 416) {
    const size = Number(/^bytes \*\/(\d+)/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
    if (size === have) return 'complete';
    throw new Final('fetch-failed', `${url} is shorter than what is here of it: remove it with "hobnail images gc".`);
  }
  const what = `the server says ${status}${response.statusText ? ` ${response.statusText}` : ''}`;
  if (status >= 500 || status === 408 || status === 429) throw new Error(what);
  throw new Final('fetch-failed', `${url}: ${what}. Check the address and the version.`);
}

async function copyLocal(from: string, part: string, { onBytes, onSize }: DownloadOptions): Promise<number> {
  try {
    const { size } = await stat(from);
    await onSize?.(size);
    await copyFile(from, part);
    onBytes?.(size, size);
    return size;
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw diskError(error, part) ?? new AppError('fetch-failed', `${from}: ${messageOf(error)}`, { cause: error });
  }
}

function validatorOf(response: Response): string | undefined {
  const etag = response.headers.get('etag');
  return etag !== null && !etag.startsWith('W/') ? etag : (response.headers.get('last-modified') ?? undefined);
}

async function readPartOf(part: string): Promise<PartOf | undefined> {
  try {
    const { url, validator } = JSON.parse(await readFile(`${part}.json`, 'utf8')) as Record<string, unknown>;
    return typeof url === 'string' && typeof validator === 'string' ? { url, validator } : undefined;
  } catch {
    return undefined;
  }
}

function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Node hides what happened one level down: "fetch failed", "terminated". */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const inner = cause instanceof AggregateError ? cause.errors[0] : cause;
  return inner instanceof Error && /fetch failed|terminated/.test(messageOf(error)) ? inner.message : messageOf(error);
}

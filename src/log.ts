/** Logs by pino: pretty on a terminal, one JSON object a line otherwise. */
import pino, { type DestinationStream, type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

export type Log = Logger;

/** Names of fields that never reach a log, at any depth people put them. */
const SECRET_FIELDS = ['token', 'authorization', 'password', 'secret'];

/** Lines that wait for a disk or pipe that takes none; more are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const FLUSH_MS = 1000;
/** As long as nobody who reads along would notice. */
const GATHER_MS = 20;
const GATHERED_BYTES = 64 * 1024;

/** @param terminal whether a person is likely to read along */
export function createLog(settings: Config['log'], terminal: boolean): Log {
  const options = {
    level: settings.level,
    base: null,
    redact: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `req.headers.${name}`]),
  };
  const format = settings.format === 'auto' ? (terminal ? 'pretty' : 'json') : settings.format;
  if (format === 'json') {
    return pino(options, gatheredLines());
  }
  return pino(
    options,
    pretty({
      colorize: terminal,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'pid,hostname',
      singleLine: true,
      messageFormat: (entry, key) => withoutControls(String(entry[key] ?? '')),
      sync: true,
    }),
  );
}

/** Standard output, written when there is a page of lines or the first of them has waited: in a storm one call takes many. */
function gatheredLines(): DestinationStream & { flush(done: (error?: Error) => void): void; destroy(): void } {
  const lines = pino.destination({ dest: 1, sync: false, minLength: GATHERED_BYTES, maxLength: MAX_WAITING_BYTES });
  // A full disk under the log costs lines, not the appliance: without a listener the error would end the process.
  lines.on('error', () => undefined);
  let destroyed = false;
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    timer = undefined;
    lines.flush();
  };
  return {
    write(line) {
      lines.write(line);
      timer ??= setTimeout(flush, GATHER_MS);
    },
    // Twice: the first ends with what was on its way, and leaves less than a page behind.
    flush: (done) => lines.flush(() => (destroyed ? done() : lines.flush(done))),
    destroy() {
      destroyed = true;
      clearTimeout(timer);
      lines.destroy();
    },
  };
}

/** The same log for lines whose fields are all named in our code and none a secret: looking for secrets costs half of a line. */
export function withoutRedaction(log: Log): Log {
  return log.child({}, { redact: [] });
}

/** Resolves when what was logged is written, or soon when it cannot be. The last thing to do with a log. */
export function flushed(log: Log): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      // Its own last attempt, at the end of the process, would wait for a full disk for ever.
      (log as unknown as Record<symbol, { destroy?(): void }>)[pino.symbols.streamSym]?.destroy?.();
      resolve();
    };
    const timer = setTimeout(done, FLUSH_MS);
    log.flush(done);
  });
}

/** Machines choose the paths that are logged: on a terminal these must not move the cursor or fake a line. */
function withoutControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) =>
    character === '\n' ? '\\n' : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

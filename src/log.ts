/** Logs by pino: pretty on a terminal, one JSON object a line otherwise. */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

export type Log = Logger;

/** Names of fields that never reach a log, at any depth people put them. */
const SECRET_FIELDS = ['token', 'authorization', 'password', 'secret'];

/** Lines that wait for a disk or pipe that takes none; more are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
const FLUSH_MS = 1000;

/** @param terminal whether a person is likely to read along */
export function createLog(settings: Config['log'], terminal: boolean): Log {
  const options = {
    level: settings.level,
    base: null,
    redact: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `req.headers.${name}`]),
  };
  const format = settings.format === 'auto' ? (terminal ? 'pretty' : 'json') : settings.format;
  if (format === 'json') {
    const lines = pino.destination({ dest: 1, sync: false, maxLength: MAX_WAITING_BYTES });
    // A full disk under the log costs lines, not the appliance: without a listener the error would end the process.
    lines.on('error', () => undefined);
    return pino(options, lines);
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

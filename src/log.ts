/** Logs by pino: pretty on a terminal, one JSON object a line otherwise. */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';
import { openLogLines } from './log-lines.ts';

export type Log = Logger;

/** Names of fields whose values never reach a log, at any depth people put them. */
const SECRET_FIELDS: ReadonlySet<string> = new Set(['token', 'authorization', 'password', 'secret']);
const REDACTED = '[Redacted]';
const MOST_DEPTH = 4;

const FLUSH_MS = 1000;

/** @param terminal whether a person is likely to read along */
export function createLog(settings: Config['log'], terminal: boolean): Log {
  const options = {
    level: settings.level,
    base: null,
    formatters: { log: (fields: Record<string, unknown>) => withoutSecrets(fields) },
    serializers: { err: (error: Error) => withoutSecrets(pino.stdSerializers.err(error)) },
  };
  const format = settings.format === 'auto' ? (terminal ? 'pretty' : 'json') : settings.format;
  if (format === 'json') {
    return pino(options, openLogLines(1));
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

/** The same value where nothing in it is secret, which is nearly always: every packet has a line. */
function withoutSecrets<T extends object>(fields: T, depth = 1): T {
  let clean: T | undefined;
  for (const [name, value] of Object.entries(fields)) {
    const kept = SECRET_FIELDS.has(name) ? REDACTED : isNested(value, depth) ? withoutSecrets(value, depth + 1) : value;
    if (kept === value) continue;
    clean ??= (Array.isArray(fields) ? [...fields] : { ...fields }) as T;
    Object.assign(clean, { [name]: kept });
  }
  return clean ?? fields;
}

/** Plain data is looked into; errors, dates and sockets write themselves. */
function isNested(value: unknown, depth: number): value is object {
  if (typeof value !== 'object' || value === null || depth >= MOST_DEPTH) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Array.isArray(value);
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

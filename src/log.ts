/** Logs by pino: pretty on a terminal, one JSON object a line otherwise. */
import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config.ts';

export type Log = Logger;

/** Names of fields that never reach a log, at any depth people put them. */
const SECRET_FIELDS = ['token', 'authorization', 'password', 'secret'];

/** @param terminal whether a person is likely to read along */
export function createLog(settings: Config['log'], terminal: boolean): Log {
  const options = {
    level: settings.level,
    base: null,
    redact: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `req.headers.${name}`]),
  };
  const format = settings.format === 'auto' ? (terminal ? 'pretty' : 'json') : settings.format;
  if (format === 'json') return pino(options, pino.destination({ dest: 1, sync: false }));
  return pino(
    options,
    pretty({
      colorize: terminal,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'pid,hostname',
      singleLine: true,
      sync: true,
    }),
  );
}

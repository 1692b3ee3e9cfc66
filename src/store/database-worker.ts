/** The database's thread: opens the file, carries out what it is sent, one after another. */
import { parentPort, workerData } from 'node:worker_threads';
import { AppError, messageOf } from '../errors.ts';
import type { FromDatabase, ToDatabase } from './database-thread.ts';
import { type Answer, openExecutor } from './executor.ts';

const port = parentPort;

function attempt(work: () => Answer): FromDatabase {
  try {
    return { answer: work() };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : undefined;
    const app = error instanceof AppError;
    return { error: { message: messageOf(error), app, ...(code !== undefined && { code }) } };
  }
}

/** Columns go over whole; copying them would take longer than reading them. */
function reply(message: FromDatabase): void {
  const columns = ('answer' in message && message.answer.leases) || [];
  const buffers = columns.flatMap(({ addresses, macs, states, startsAt, expiresAt, texts, textEnds }) =>
    [addresses, macs, states, startsAt, expiresAt, texts, textEnds].map(({ buffer }) => buffer),
  );
  port?.postMessage(message, buffers);
}

function serve(file: string): void {
  const executor = openExecutor(file);
  port?.on('message', (message: ToDatabase) => {
    if (message.kind === 'request') reply(attempt(() => executor.execute(message.request)));
    else {
      executor.close();
      port.postMessage({ answer: { rows: [] } } satisfies FromDatabase);
      port.close();
    }
  });
}

const opening = attempt(() => {
  serve(String(workerData));
  return { rows: [] };
});
port?.postMessage(opening);
if ('error' in opening) port?.close();

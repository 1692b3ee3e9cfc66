/** The database's thread as the main thread sees it: requests go over, answers come back in order. */
import { Worker } from 'node:worker_threads';
import { AppError, type ErrorCode } from '../errors.ts';
import type { Answer, Request } from './executor.ts';
import type { Connection } from './sqlite.ts';

export type ToDatabase = { readonly kind: 'request'; readonly request: Request } | { readonly kind: 'close' };

/** An answer to each message, in their order. `app`: the error was an `AppError` and `code` is of the catalogue. */
export type FromDatabase =
  | { readonly answer: Answer }
  | { readonly error: { readonly message: string; readonly code?: string; readonly app: boolean } };

interface Thread {
  send(message: ToDatabase): Promise<Answer>;
  readonly ended: () => boolean;
}

/** Resolves when the file is open. @throws what opening it throws */
export async function startDatabaseThread(file: string): Promise<Connection> {
  let thread = await start(file);
  let closed = false;
  /** The thread a transaction of several statements was begun in. */
  let transaction: Thread | undefined;
  return {
    async execute(request) {
      const step = request.kind === 'statement' ? request.sql : '';
      // What a dead thread had begun is rolled back. Its other half must not be carried out alone by the next one.
      if (transaction?.ended() && step !== 'rollback')
        throw new Error('the thread of the database ended in a transaction');
      // A thread that died (memory, a bug) took nothing along that was acknowledged; another one opens the file again.
      if (thread.ended() && !closed) thread = await start(file);
      if (step === 'commit' || step === 'rollback') transaction = undefined;
      const answer = await thread.send({ kind: 'request', request });
      if (step === 'begin') transaction = thread;
      return answer;
    },
    async close() {
      closed = true;
      if (!thread.ended()) await thread.send({ kind: 'close' });
    },
  };
}

async function start(file: string): Promise<Thread> {
  // Beside this file, in the language this file is in.
  const script = new URL(
    import.meta.url.endsWith('.ts') ? './database-worker.ts' : './database-worker.js',
    import.meta.url,
  );
  const worker = new Worker(script, { name: 'database', workerData: file });
  const opened = Promise.withResolvers<Answer>();
  const waiting: PromiseWithResolvers<Answer>[] = [opened];
  let fault: Error | undefined;
  let ended = false;
  worker.on('message', (message: FromDatabase) => {
    const next = waiting.shift();
    if ('answer' in message) next?.resolve(message.answer);
    else next?.reject(errorOf(message.error));
  });
  worker.on('error', (error) => {
    fault = error instanceof Error ? error : new Error(String(error));
  });
  worker.once('exit', (code) => {
    ended = true;
    const reason = fault ?? new Error(`the thread of the database ended with code ${code}`);
    for (const one of waiting.splice(0)) one.reject(reason);
  });
  await opened.promise;
  return {
    send(message) {
      const answer = Promise.withResolvers<Answer>();
      if (ended) answer.reject(fault ?? new Error('the database is closed'));
      else {
        // First: what cannot be sent throws here, and gets no answer.
        worker.postMessage(message);
        waiting.push(answer);
      }
      return answer.promise;
    },
    ended: () => ended,
  };
}

function errorOf({ message, code, app }: Extract<FromDatabase, { error: unknown }>['error']): Error {
  if (app && code !== undefined) return new AppError(code as ErrorCode, message);
  return Object.assign(new Error(message), code !== undefined && { code });
}

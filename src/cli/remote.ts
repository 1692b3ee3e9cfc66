/** A running server, by its API: for what only it can do, and for all commands when `--server` names one. */
import { readFileSync } from 'node:fs';
import { AppError, ERRORS, type ErrorCode, messageOf, type Problem } from '../errors.ts';
import type { Cli } from './cli.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
type Headers = Readonly<Record<string, string>>;

export interface Remote {
  /** JSON in, JSON out. @throws AppError with the code of the problem document, `api-unreachable`, `login-required` */
  ask<T>(method: Method, path: string, body?: unknown, headers?: Headers): Promise<T>;
  /** Text in, the answer as it comes. Throws as `ask`. */
  send(
    method: Method,
    path: string,
    options?: { readonly text?: string; readonly type?: string; readonly headers?: Headers },
  ): Promise<Response>;
}

/** For the help of every command that connects. */
export const REMOTE_HELP = `
Asks the running appliance: at --server URL or HOBNAIL_API, else at the address of the settings. The token is in HOBNAIL_TOKEN, or
in the file that --token-file or HOBNAIL_TOKEN_FILE names.`;

const TIMEOUT_MS = 60_000;

/** The server that commands are to ask instead of working on the files; undefined for the files. */
export function serverOf(cli: Cli): string | undefined {
  const named = cli.server().url ?? process.env.HOBNAIL_API;
  return named === undefined || named === '' ? undefined : named;
}

export function connect(cli: Cli): Remote {
  const base = (serverOf(cli) ?? addressOf(cli)).replace(/\/+$/, '');
  if (!/^https?:\/\/[^/]/.test(base)) {
    throw new AppError('request-invalid', `"${base}" is no address of a server; write http://10.77.0.1:8081`);
  }
  const token = tokenOf(cli, base);
  const send: Remote['send'] = async (method, path, { text, type = 'application/json', headers = {} } = {}) => {
    const response = await fetch(`${base}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(text !== undefined && { 'content-type': type }), ...headers },
      ...(text !== undefined && { body: text }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: unknown) => {
      const why = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
      const advice = 'Is "hobnail serve" running? --server and HOBNAIL_API name another address.';
      throw new AppError('api-unreachable', `${base} does not answer (${why}). ${advice}`, { cause: error });
    });
    if (response.ok) return response;
    throw await problemOf(response, base);
  };
  return {
    send,
    async ask<T>(method: Method, path: string, body?: unknown, headers: Headers = {}): Promise<T> {
      const response = await send(method, path, { headers, ...(body !== undefined && { text: JSON.stringify(body) }) });
      if (response.status === 204) return undefined as T;
      return (await response.json().catch((error: unknown) => {
        const words = `${base} answered, but not as Hobnail does: ${messageOf(error)}`;
        throw new AppError('api-unreachable', words, { cause: error });
      })) as T;
    },
  };
}

/** Never an argument: the list of processes shows those to everybody. */
function tokenOf(cli: Cli, base: string): string {
  const file = cli.server().tokenFile ?? process.env.HOBNAIL_TOKEN_FILE;
  const named = cli.server().tokenFile === undefined ? process.env.HOBNAIL_TOKEN : undefined;
  if (named !== undefined) return named.trim();
  if (file !== undefined) {
    try {
      return readFileSync(file, 'utf8').trim();
    } catch (error) {
      throw new AppError('login-required', `the token cannot be read: ${messageOf(error)}`, { cause: error });
    }
  }
  const words = 'put a token into HOBNAIL_TOKEN, or name a file by --token-file; "hobnail token add NAME" makes one';
  throw new AppError('login-required', `this asks the running appliance at ${base}: ${words}`);
}

/** Every page of a list, 1000 items each. @throws what `ask` throws */
export async function askAll<T>(
  remote: Remote,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<readonly T[]> {
  const all: T[] = [];
  let cursor: string | undefined;
  do {
    const search = new URLSearchParams({ ...query, limit: '1000', ...(cursor !== undefined && { cursor }) });
    const page = await remote.ask<{ items: readonly T[]; next?: string }>('GET', `${path}?${search}`);
    all.push(...page.items);
    cursor = page.next;
  } while (cursor !== undefined);
  return all;
}

function addressOf(cli: Cli): string {
  const { address, port, tls } = cli.config().config.api;
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function problemOf(response: Response, base: string): Promise<AppError> {
  const document = (await response.json().catch(() => ({}))) as {
    readonly code?: string;
    readonly detail?: string;
    readonly problems?: readonly Problem[];
  };
  const { code = '', detail, problems = [] } = document;
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'api-unreachable';
  return new AppError(known, detail ?? `${base} answered ${response.status}, not as Hobnail does`, { problems });
}

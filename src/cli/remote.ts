/** The running appliance, by its API: for what only it can do. The address comes from the settings, the token from the environment. */
import { AppError, ERRORS, type ErrorCode, messageOf, type Problem } from '../errors.ts';
import type { Cli } from './cli.ts';

export interface Remote {
  /** JSON in, JSON out. @throws AppError with the code of the problem document, `api-unreachable`, `login-required` */
  ask<T>(method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T>;
}

/** For the help of every command that connects. */
export const REMOTE_HELP = `
Asks the running appliance: its address is that of the settings, or HOBNAIL_API; the token is in HOBNAIL_TOKEN.`;

const TIMEOUT_MS = 60_000;

export function connect(cli: Cli): Remote {
  const base = process.env.HOBNAIL_API ?? addressOf(cli);
  const token = process.env.HOBNAIL_TOKEN;
  if (token === undefined) {
    const words = 'put a token into HOBNAIL_TOKEN; "hobnail token add NAME" makes one';
    throw new AppError('login-required', `this asks the running appliance at ${base}: ${words}`);
  }
  return {
    async ask<T>(method: string, path: string, body?: unknown): Promise<T> {
      const response = await fetch(`${base.replace(/\/+$/, '')}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }).catch((error: unknown) => {
        const why = error instanceof Error && error.cause ? messageOf(error.cause) : messageOf(error);
        const advice = 'Is "hobnail serve" running? HOBNAIL_API names another address.';
        throw new AppError('api-unreachable', `${base} does not answer (${why}). ${advice}`, { cause: error });
      });
      if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
      throw await problemOf(response, base);
    },
  };
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

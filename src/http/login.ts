/** Login: a bearer token, or the session of a page, on every request of the API that is not open to all. */
import type { FastifyRequest } from 'fastify';
import { mayActAs, type TokenInfo, type VerifyToken } from '../boot/token.ts';
import { AppError } from '../errors.ts';
import type { Access } from './roles.ts';
import { type Sessions, sessionIdOf } from './sessions.ts';

/** Who sent the request. */
export type Operator = Pick<TokenInfo, 'name' | 'role'>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** From the table in `roles.ts`. */
    access?: Access;
  }
  interface FastifyRequest {
    operator: Operator | null;
    /** Whether the same request would be let in now: its token may be gone, or its session. */
    isStillLetIn: (() => Promise<boolean>) | null;
  }
}

export interface LoginDeps {
  readonly verify: VerifyToken;
  readonly sessions: Pick<Sessions, 'secretOf'>;
  /** Counts a failure of this requester; true when there have been too many. */
  readonly tooManyFailures: (request: FastifyRequest) => Promise<boolean>;
}

/**
 * Makes the hook that lets a request in or throws `login-required`, `role-missing`, `rate-limited`. Only failures are
 * counted: guessing is slowed down, while an operator behind the same address keeps working.
 */
export function createLogin(deps: LoginDeps): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const secretNow = () => bearerOf(request) ?? sessionOf(request, deps.sessions);
    const secret = secretNow();
    if (secret === undefined) {
      throw new AppError('login-required', 'Send "Authorization: Bearer" with a token. "hobnail token add" makes one.');
    }
    const operator = await verifyOrThrow(deps, request, secret);
    request.operator = operator;
    request.isStillLetIn = async () => {
      const now = secretNow();
      return now !== undefined && (await deps.verify(now)) !== undefined;
    };
    const needed = request.routeOptions.config.access?.role ?? 'admin';
    if (!mayActAs(operator.role, needed)) {
      const words = `This needs the role ${needed}; token "${operator.name}" is ${operator.role === 'viewer' ? 'a' : 'an'} ${operator.role}.`;
      throw new AppError('role-missing', words);
    }
  };
}

/** @throws AppError `login-required`, `rate-limited` */
export async function verifyOrThrow(
  { verify, tooManyFailures }: Pick<LoginDeps, 'verify' | 'tooManyFailures'>,
  request: FastifyRequest,
  secret: string,
): Promise<Operator> {
  const operator = await verify(secret);
  if (operator) return operator;
  if (await tooManyFailures(request)) {
    throw new AppError('rate-limited', 'Too many wrong tokens from this address. Wait a minute.');
  }
  throw new AppError('login-required', 'This token is not known, or was revoked.');
}

function bearerOf({ headers }: FastifyRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** Not what another site's form can send. @throws AppError `login-required` */
export function requirePage({ headers }: FastifyRequest, what: string): void {
  if (headers['hobnail-page'] === undefined) {
    throw new AppError('login-required', `${what} only with the header "Hobnail-Page: 1".`);
  }
}

/**
 * A cookie comes along by itself, so it proves nothing about who wrote the request: what changes something must also have a
 * header that no other site's form can send.
 */
function sessionOf(request: FastifyRequest, sessions: LoginDeps['sessions']): string | undefined {
  const id = sessionIdOf(request.headers.cookie);
  const secret = id === undefined ? undefined : sessions.secretOf(id);
  if (secret === undefined) return undefined;
  const reading = request.method === 'GET' || request.method === 'HEAD';
  if (!reading) requirePage(request, 'A session changes something');
  return secret;
}

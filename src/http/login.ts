/** Login: a bearer token on every request of the API that is not open to all. */
import type { FastifyRequest } from 'fastify';
import { mayActAs, type TokenInfo, type TokenRole, type VerifyToken } from '../boot/token.ts';
import { AppError } from '../errors.ts';

/** Who sent the request. */
export type Operator = Pick<TokenInfo, 'name' | 'role'>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route needs; by default reading needs `viewer` and anything else `operator`. */
    role?: TokenRole;
  }
  interface FastifyRequest {
    operator: Operator | null;
  }
}

export interface LoginDeps {
  readonly verify: VerifyToken;
  /** Counts a failure of this requester; true when there have been too many. */
  readonly tooManyFailures: (request: FastifyRequest) => Promise<boolean>;
}

/**
 * Makes the hook that lets a request in or throws `login-required`, `role-missing`, `rate-limited`. Only failures are
 * counted: guessing is slowed down, while an operator behind the same address keeps working.
 */
export function createLogin({ verify, tooManyFailures }: LoginDeps): (request: FastifyRequest) => Promise<void> {
  return async (request) => {
    const secret = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    if (secret === undefined) {
      throw new AppError('login-required', 'Send "Authorization: Bearer" with a token. "hobnail token add" makes one.');
    }
    const operator = await verify(secret);
    if (!operator) {
      if (await tooManyFailures(request)) {
        throw new AppError('rate-limited', 'Too many wrong tokens from this address. Wait a minute.');
      }
      throw new AppError('login-required', 'This token is not known, or was revoked.');
    }
    const reading = request.method === 'GET' || request.method === 'HEAD';
    const needed = request.routeOptions.config.role ?? (reading ? 'viewer' : 'operator');
    if (!mayActAs(operator.role, needed)) {
      throw new AppError(
        'role-missing',
        `This needs the role ${needed}; token "${operator.name}" is a ${operator.role}.`,
      );
    }
    request.operator = operator;
  };
}

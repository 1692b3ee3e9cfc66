/** Operator tokens: the secret is shown once, the database keeps its hash. */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { TokenInfo, TokenRole, VerifyToken } from '../boot/token.ts';
import { AppError } from '../errors.ts';
import { isUniqueViolation } from './failure.ts';
import type { Tables } from './tables.ts';

/** `hob_`, the token's id, its secret half. The prefix lets people and secret scanners know one when they see it. */
const SECRET = /^hob_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

export interface TokenStore {
  /**
   * Makes a token and returns its secret, which nobody can read again.
   * @throws AppError `already-exists`
   */
  create(name: string, role: TokenRole): Promise<string>;
  readonly verify: VerifyToken;
  /** In order of name. */
  list(): Promise<TokenInfo[]>;
  /** False when there was none of that name. */
  revoke(name: string): Promise<boolean>;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createTokenStore(db: Kysely<Tables>, now: () => number, failed: (error: unknown) => Error): TokenStore {
  return {
    async create(name, role) {
      const id = randomBytes(6).toString('hex');
      const secret = `hob_${id}_${randomBytes(32).toString('base64url')}`;
      const row = { id, name, role, hash: hashOf(secret).toString('hex'), created_at: now() };
      try {
        await db.insertInto('tokens').values(row).execute();
      } catch (error) {
        if (!isUniqueViolation(error)) throw failed(error);
        throw new AppError(
          'already-exists',
          `There is a token "${name}" already. Revoke it first or choose another name.`,
        );
      }
      return secret;
    },

    async verify(secret) {
      const id = SECRET.exec(secret)?.[1];
      if (id === undefined) return undefined;
      try {
        // The id is no secret, so the look-up may take its time; the hash is compared in constant time.
        const row = await db.selectFrom('tokens').selectAll().where('id', '=', id).executeTakeFirst();
        if (!row || !timingSafeEqual(hashOf(secret), Buffer.from(row.hash, 'hex'))) return undefined;
        return { name: row.name, role: row.role };
      } catch (error) {
        throw failed(error);
      }
    },

    async list() {
      try {
        const rows = await db.selectFrom('tokens').select(['name', 'role', 'created_at']).orderBy('name').execute();
        return rows.map((row) => ({ name: row.name, role: row.role, createdAt: row.created_at }));
      } catch (error) {
        throw failed(error);
      }
    },

    async revoke(name) {
      try {
        const { numDeletedRows } = await db.deleteFrom('tokens').where('name', '=', name).executeTakeFirstOrThrow();
        return numDeletedRows > 0n;
      } catch (error) {
        throw failed(error);
      }
    },
  };
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

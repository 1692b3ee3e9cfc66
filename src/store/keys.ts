/** Random keys of our own, kept so that what was signed before a restart is still good after it. */
import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

const BYTES = 32;

/** @param failed turns what the driver threw into what the caller gets */
export async function readKey(
  db: Kysely<Tables>,
  failed: (error: unknown) => Error,
  name: string,
): Promise<Uint8Array> {
  try {
    const value = randomBytes(BYTES).toString('base64url');
    await db
      .insertInto('keys')
      .values({ name, value })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const row = await db.selectFrom('keys').select('value').where('name', '=', name).executeTakeFirstOrThrow();
    return Buffer.from(row.value, 'base64url');
  } catch (error) {
    throw failed(error);
  }
}

/** The index of uploads: one row a file, with who sent it, what it holds, and when it came last. */
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { IndexedUpload, UploadIndex, UploadRecord } from '../boot/upload.ts';
import type { Mac } from '../net/mac.ts';
import type { Tables, UploadRow } from './tables.ts';

export interface UploadQuery {
  /** Only what came from this host. */
  readonly host?: string | undefined;
  /** Only files whose name begins so. */
  readonly prefix?: string | undefined;
  /** Only files after this one. */
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface UploadStore extends UploadIndex {
  /** In order of file, so that the versions of one name stand in order of time. */
  list(query: UploadQuery): Promise<IndexedUpload[]>;
  get(id: string): Promise<IndexedUpload | undefined>;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createUploadStore(db: Kysely<Tables>, failed: (error: unknown) => Error): UploadStore {
  const run = async <T>(query: Promise<T>): Promise<T> => {
    try {
      return await query;
    } catch (error) {
      throw failed(error);
    }
  };

  return {
    async record(upload) {
      const { id } = await run(upsert(db, upload));
      return id;
    },

    async filesFrom(ip) {
      const rows = await run(db.selectFrom('uploads').select('file').where('ip', '=', ip).execute());
      return rows.map(({ file }) => file);
    },

    async list({ host, prefix, after, limit }) {
      let query = db.selectFrom('uploads').selectAll().orderBy('file').limit(limit);
      if (host !== undefined) query = query.where('host', '=', host);
      if (after !== undefined) query = query.where('file', '>', after);
      // A range instead of LIKE, whose wildcards may stand in a name.
      if (prefix !== undefined) query = query.where('file', '>=', prefix).where('file', '<', `${prefix}\u{10ffff}`);
      return (await run(query.execute())).map(toUpload);
    },

    async get(id) {
      const row = await run(db.selectFrom('uploads').selectAll().where('id', '=', id).executeTakeFirst());
      return row && toUpload(row);
    },
  };
}

/** The same bytes again only count; other bytes under the same name are a new file. */
function upsert(db: Kysely<Tables>, upload: UploadRecord): Promise<{ readonly id: string }> {
  const { file, path, size, sha256, ip, mac, host, transport, at } = upload;
  const row: UploadRow = {
    id: randomUUID(),
    file,
    path,
    size,
    sha256,
    ip,
    mac: mac ?? null,
    host: host ?? null,
    transport,
    stored_at: at,
    seen_at: at,
    times: 1,
  };
  return db
    .insertInto('uploads')
    .values(row)
    .onConflict((conflict) =>
      conflict.column('file').doUpdateSet((old) => {
        const same = old.eb('uploads.sha256', '=', sha256);
        return {
          path,
          size,
          sha256,
          ip,
          mac: row.mac,
          host: row.host,
          transport,
          seen_at: at,
          stored_at: old.eb.case().when(same).then(old.ref('uploads.stored_at')).else(at).end(),
          times: old.eb
            .case()
            .when(same)
            .then(old.eb('uploads.times', '+', 1))
            .else(1)
            .end(),
        };
      }),
    )
    .returning('id')
    .executeTakeFirstOrThrow();
}

function toUpload(row: UploadRow): IndexedUpload {
  const { id, file, path, size, sha256, ip, mac, host, transport, times } = row;
  return {
    id,
    file,
    path,
    size,
    sha256,
    ip,
    transport,
    at: row.stored_at,
    seenAt: row.seen_at,
    times,
    ...(mac !== null && { mac: mac as Mac }),
    ...(host !== null && { host }),
  };
}

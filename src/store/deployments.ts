/** Deployments on disk: every change that gives or takes a permission is here before it has an effect. */
import type { Kysely } from 'kysely';
import { type Deployment, type DeploymentState, hasEnded } from '../boot/deployment.ts';
import type { TemplateSet } from '../boot/template-set.ts';
import { AppError } from '../errors.ts';
import { isUniqueViolation } from './failure.ts';
import type { Tables } from './tables.ts';

/** All given conditions must hold. */
export interface DeploymentQuery {
  readonly host?: string | undefined;
  readonly states?: readonly DeploymentState[] | undefined;
  /** Only older ones than this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

export interface DeploymentStore {
  /**
   * One transaction, with the texts they are pinned to where those are new; resolves when all would survive `kill -9`.
   * @throws AppError `already-exists` when another deployment of the host has not ended
   */
  save(deployments: readonly Deployment[], templates?: TemplateSet): Promise<void>;
  /** Those that have not ended. */
  loadActive(): Promise<Deployment[]>;
  /** The texts those are pinned to; others are thrown away. */
  loadTemplates(): Promise<TemplateSet[]>;
  /** The newest first. */
  list(query: DeploymentQuery): Promise<Deployment[]>;
  get(id: string): Promise<Deployment | undefined>;
}

/** @param failed turns what the driver threw into what the caller gets */
export function createDeploymentStore(db: Kysely<Tables>, failed: (error: unknown) => Error): DeploymentStore {
  const run = async <T>(query: Promise<T>): Promise<T> => {
    try {
      return await query;
    } catch (error) {
      throw failed(error);
    }
  };
  return {
    async save(deployments, templates) {
      // Ends first: they make room for the next deployment of their host.
      const ordered = deployments.toSorted((a, b) => Number(hasEnded(b)) - Number(hasEnded(a)));
      try {
        await db.transaction().execute(async (transaction) => {
          if (templates) {
            const row = { hash: templates.hash, texts: JSON.stringify(templates.texts) };
            const insert = transaction.insertInto('template_sets').values(row);
            await insert.onConflict((conflict) => conflict.column('hash').doNothing()).execute();
          }
          for (const deployment of ordered) {
            const { id, host, state } = deployment;
            const active = hasEnded(deployment) ? null : host;
            const row = { host, state, active_host: active, body: JSON.stringify(deployment) };
            await transaction
              .insertInto('deployments')
              .values({ id, ...row })
              .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
              .execute();
          }
        });
      } catch (error) {
        if (!isUniqueViolation(error)) throw failed(error);
        throw new AppError(
          'already-exists',
          'The host has a deployment that has not ended. Cancel it first, or wait for its end.',
        );
      }
    },
    async loadActive() {
      const query = db.selectFrom('deployments').select('body').where('active_host', 'is not', null);
      return (await run(query.execute())).map(toDeployment);
    },
    async loadTemplates() {
      const active = await this.loadActive();
      const used = new Set(active.map(({ templates }) => templates));
      const rows = await run(db.selectFrom('template_sets').selectAll().execute());
      const unused = rows.map(({ hash }) => hash).filter((hash) => !used.has(hash));
      if (unused.length > 0) await run(db.deleteFrom('template_sets').where('hash', 'in', unused).execute());
      return rows
        .filter(({ hash }) => used.has(hash))
        .map(({ hash, texts }) => ({ hash, texts: JSON.parse(texts) as TemplateSet['texts'] }));
    },
    async list({ host, states, before, limit }) {
      let query = db.selectFrom('deployments').select('body').orderBy('id', 'desc').limit(limit);
      if (host !== undefined) query = query.where('host', '=', host);
      if (states !== undefined) query = query.where('state', 'in', states);
      if (before !== undefined) query = query.where('id', '<', before);
      return (await run(query.execute())).map(toDeployment);
    },
    async get(id) {
      const row = await run(db.selectFrom('deployments').select('body').where('id', '=', id).executeTakeFirst());
      return row && toDeployment(row);
    },
  };
}

function toDeployment({ body }: { readonly body: string }): Deployment {
  return JSON.parse(body) as Deployment;
}

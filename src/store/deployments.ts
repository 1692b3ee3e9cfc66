/** Deployments on disk: every change that gives or takes a permission is here before it has an effect. */
import type { Kysely } from 'kysely';
import { type Deployment, type DeploymentState, hasEnded } from '../boot/deployment.ts';
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
   * One transaction; resolves when all would survive `kill -9`.
   * @throws AppError `already-exists` when another deployment of the host has not ended
   */
  save(deployments: readonly Deployment[]): Promise<void>;
  /** Those that have not ended. */
  loadActive(): Promise<Deployment[]>;
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
    async save(deployments) {
      // Ends first: they make room for the next deployment of their host.
      const ordered = deployments.toSorted((a, b) => Number(hasEnded(b)) - Number(hasEnded(a)));
      try {
        await db.transaction().execute(async (transaction) => {
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

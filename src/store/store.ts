/** The database: what machines did and what is in flight. The files under `profiles/` stay the truth about who they are. */
import type { Logger } from 'pino';
import { type AuditStore, createAuditStore } from './audit.ts';
import { createDeploymentStore, type DeploymentStore } from './deployments.ts';
import { createEventStore, type EventStore } from './events.ts';
import { storeError } from './failure.ts';
import { readKey } from './keys.ts';
import { createLeaseStore, type LeaseStore } from './leases.ts';
import { createMachineStore, type MachineStore } from './machines.ts';
import { migrate } from './migrations.ts';
import { openSqlite } from './sqlite.ts';
import { createStrategyStore, type StrategyStore } from './strategies.ts';
import { createTokenStore, type TokenStore } from './tokens.ts';
import { createUploadStore, type UploadStore } from './uploads.ts';

export interface StoreDeps {
  /** Path of the database file, or `:memory:`. */
  readonly file: string;
  readonly now: () => number;
  readonly log: Pick<Logger, 'warn'>;
  /**
   * Whether the database has a thread of its own, as it has in the appliance: a sync or a long query then holds up no
   * machine. Default: no, for commands that end soon.
   */
  readonly thread?: boolean;
  /** Events kept; older ones are pruned. Default 100,000. */
  readonly keepEvents?: number;
}

export interface Store {
  readonly leases: LeaseStore;
  readonly events: EventStore;
  readonly tokens: TokenStore;
  readonly uploads: UploadStore;
  readonly audit: AuditStore;
  readonly deployments: DeploymentStore;
  readonly machines: MachineStore;
  readonly strategies: StrategyStore;
  /** 32 random bytes, made the first time they are asked for; nobody outside ever sees them. */
  key(name: string): Promise<Uint8Array>;
  /** Writes what waits and lets go of the file. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens the database and brings its layout up to date.
 * @throws AppError `store-failed` or `disk-full`; so does every call of the store
 */
export async function createStore(deps: StoreDeps): Promise<Store> {
  const { file, now, log } = deps;
  const failed = (error: unknown) => storeError(error, file);
  const sqlite = await openSqlite(file, deps.thread ?? false);
  const { db } = sqlite;
  try {
    await migrate(db);
    const events = await createEventStore({ ...sqlite, log, now, failed, keepEvents: deps.keepEvents ?? 100_000 });
    let closing: Promise<void> | undefined;
    return {
      leases: createLeaseStore(sqlite, failed),
      events,
      tokens: createTokenStore(db, now, failed),
      uploads: createUploadStore(db, failed),
      audit: createAuditStore(db, failed),
      deployments: createDeploymentStore(db, failed),
      machines: createMachineStore(sqlite, failed),
      strategies: createStrategyStore(db, failed),
      key: (name) => readKey(db, failed, name),
      close() {
        closing ??= events.close().then(() => db.destroy());
        return closing;
      },
    };
  } catch (error) {
    await db.destroy();
    throw failed(error);
  }
}

/** The tables as Kysely types. Times are integer milliseconds since 1970, JSON is text: the same in SQLite and PostgreSQL. */
import type { Generated } from 'kysely';
import type { DeploymentState } from '../boot/deployment.ts';
import type { Standing } from '../boot/facts.ts';
import type { LearntStrategy } from '../boot/learnt.ts';
import type { LeaseState } from '../boot/lease.ts';
import type { TokenRole } from '../boot/token.ts';
import type { UploadRecord } from '../boot/upload.ts';

export interface Tables {
  readonly leases: LeaseRow;
  readonly events: EventRow;
  readonly tokens: TokenRow;
  readonly uploads: UploadRow;
  readonly audit: AuditTable;
  readonly deployments: DeploymentRow;
  readonly template_sets: TemplateSetRow;
  readonly machines: MachineRow;
  readonly keys: KeyRow;
  readonly strategies: LearntStrategy;
}

/** One row an address of a network. */
export interface LeaseRow {
  readonly network: string;
  readonly address: string;
  readonly mac: string;
  readonly client_id: string | null;
  readonly hostname: string | null;
  readonly state: LeaseState;
  readonly starts_at: number;
  readonly expires_at: number;
  /** NULL on rows of old versions. */
  readonly heard_at: number | null;
  /** The relay and its port. */
  readonly port: string | null;
}

/** `body` is the whole event; the other columns repeat what is searched for. */
export interface EventRow {
  readonly id: number;
  readonly kind: string;
  readonly mac: string | null;
  readonly host: string | null;
  readonly body: string;
}

/** `hash` is the SHA-256 of the secret, hex. */
export interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly role: TokenRole;
  readonly hash: string;
  readonly created_at: number;
}

/** `active_host` is the host until the deployment ends, so that a host has one at most. `body` is all of it, as JSON. */
export interface DeploymentRow {
  /** Ascending with time. */
  readonly id: string;
  readonly host: string;
  readonly active_host: string | null;
  readonly state: DeploymentState;
  readonly body: string;
}

/** Templates that deployments are pinned to. `texts` by name, as JSON. */
export interface TemplateSetRow {
  readonly hash: string;
  readonly texts: string;
}

/** One row a machine that was seen. `body` is all of it, as JSON. */
export interface MachineRow {
  readonly mac: string;
  readonly standing: Standing;
  readonly last_seen_at: number;
  readonly body: string;
}

/** Secrets of our own; `value` in base64url. */
export interface KeyRow {
  readonly name: string;
  readonly value: string;
}

/** One row a file under the root of uploads. `sha256` in hex. */
export interface UploadRow {
  readonly id: string;
  readonly file: string;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly ip: string;
  readonly mac: string | null;
  readonly host: string | null;
  readonly transport: UploadRecord['transport'];
  readonly stored_at: number;
  readonly seen_at: number;
  readonly times: number;
}

/** Who changed what. `id` counts up. */
export interface AuditRow {
  readonly id: number;
  readonly at: number;
  readonly who: string;
  readonly role: TokenRole;
  readonly action: string;
  readonly target: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly status: number;
  readonly ip: string | null;
  readonly request: string | null;
}

export type AuditTable = Omit<AuditRow, 'id'> & { readonly id: Generated<number> };

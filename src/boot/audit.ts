/** Who changed what: the record shape of the audit log. */
import type { TokenRole } from './token.ts';

/** One request that changed something, or was refused the right to. `at` is wall time in milliseconds since 1970. */
export interface AuditEntry {
  readonly at: number;
  /** Name of the token, or `shell:` and the name of the user at the machine itself. */
  readonly who: string;
  readonly role: TokenRole;
  /** `PATCH /hosts/:id`. */
  readonly action: string;
  /** `host web01`; what the path names where there is no object. */
  readonly target: string;
  /** Revisions, where there are such. */
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** HTTP status. */
  readonly status: number;
  readonly ip?: string | undefined;
  /** The request, as problem documents and the log name it. */
  readonly request?: string | undefined;
}

/** An entry with its position in the stored order. */
export interface StoredAuditEntry extends AuditEntry {
  readonly id: number;
}

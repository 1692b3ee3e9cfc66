/** What the operator API needs of the rest of the house; `app.ts` brings it together. */
import type { Logger } from 'pino';
import type { AuditEntry, StoredAuditEntry } from '../boot/audit.ts';
import type { Catalog } from '../boot/catalog.ts';
import type { ReadOutcome } from '../boot/content.ts';
import type { RuleTried } from '../boot/decide.ts';
import type { Deployment, DeploymentState, SpendPoint } from '../boot/deployment.ts';
import type { DocumentChange, EditOptions, ObjectFile, ObjectKind } from '../boot/edit.ts';
import type { EventKind, StoredEvent } from '../boot/event.ts';
import type { Machine, Standing } from '../boot/facts.ts';
import type { Vars } from '../boot/fields.ts';
import type { HistogramReading } from '../boot/histogram.ts';
import type { Host } from '../boot/host.ts';
import type { LearntStrategy } from '../boot/learnt.ts';
import type { Lease, LeaseQuery } from '../boot/lease.ts';
import type { SourcedValue } from '../boot/origins.ts';
import type { TokenInfo, TokenRole, VerifyToken } from '../boot/token.ts';
import type { Impact, TreeChange, TreeEdit } from '../boot/tree.ts';
import type { IndexedUpload } from '../boot/upload.ts';
import type { Problem } from '../errors.ts';
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';

export interface ApiDeps {
  readonly inventory: InventoryAccess;
  readonly tree: TreeAccess;
  readonly leases: (query: Omit<LeaseQuery, 'now'>) => readonly Lease[];
  /** How proxying worked for machines and kinds of firmware. */
  readonly strategies: () => readonly LearntStrategy[];
  /** Ends a lease or a quarantine; undefined when the address has neither. */
  readonly freeLease: (network: string, address: Ipv4) => Promise<Lease | undefined>;
  /** What DHCP would answer a machine with these facts, and why. Changes nothing. */
  readonly explain: (facts: ExplainFacts) => Explanation | Promise<Explanation>;
  /** What this host, or the machine with this MAC, would get under a path. */
  readonly render: (hostOrMac: string, path: string) => Promise<ReadOutcome>;
  /** What a host boots next. */
  readonly nextOf: (host: Host) => NextBoot;
  /** The paths a host would ask for. */
  readonly pathsOf: (host: Host) => Promise<readonly ShownPath[]>;
  readonly events: EventAccess;
  readonly tokens: TokenAccess;
  readonly audit: AuditAccess;
  readonly uploads: UploadAccess;
  readonly deployments: DeploymentAccess;
  readonly inbox: InboxAccess;
  readonly secrets: SecretAccess;
  readonly images: ImageAccess;
  readonly status: () => ApplianceStatus;
  readonly counters: () => readonly Metric[];
  /** Told of each answer of the API itself; streams are left out. @param ms from the request on */
  readonly answered?: ((method: string, status: number, ms: number) => void) | undefined;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  readonly version: string;
  readonly now: () => number;
  /** Certificate and key in PEM; without them the listener speaks plain HTTP. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Served at `/`. */
  readonly page?: OperatorPage;
  /** Metrics without a token. Default false. */
  readonly openMetrics?: boolean;
  /** Metrics of the Node process beside the counters. Default true. */
  readonly processMetrics?: boolean;
  /** Between two signs of life on an event stream. Default 15,000. */
  readonly heartbeatMs?: number;
  /** Between two looks whether those who listen are still let in. Default 5000. */
  readonly recheckMs?: number;
}

/** A change after which the object is there. */
export type WrittenChange = Exclude<DocumentChange, { kind: 'delete' }>;

export interface InventoryAccess {
  snapshot(): Catalog;
  /** Problems of the files as they are now; the snapshot may be older and good. */
  problems(): readonly Problem[];
  /** @throws AppError `not-found` */
  readObject(kind: ObjectKind, name: string): Promise<ObjectFile>;
  /** @throws AppError `already-exists`, `not-found`, `revision-stale`, `inventory-invalid` with every problem */
  writeObject(kind: ObjectKind, name: string, change: WrittenChange, options?: EditOptions): Promise<ObjectFile>;
  /** @throws AppError `not-found`, `revision-stale` */
  deleteObject(kind: ObjectKind, name: string, options?: EditOptions): Promise<void>;
  /** Reads the files anew. False when they have errors and the last good snapshot stays in use. */
  reload(): Promise<boolean>;
}

/** `profiles/` and `templates/` as a whole. Everything checks the whole catalog and every template that would result. */
export interface TreeAccess {
  exportFiles(): Promise<Readonly<Record<string, string>>>;
  /** @throws AppError `request-invalid`, `inventory-invalid`, `template-invalid`, with every problem */
  plan(change: TreeChange): Promise<readonly TreeEdit[]>;
  /** All or nothing. @throws what `plan` throws, `disk-full`, `write-failed` */
  apply(change: TreeChange): Promise<readonly TreeEdit[]>;
  /** @throws what `plan` throws */
  impact(change: TreeChange, limit: number): Promise<Impact>;
  listTemplates(): Promise<readonly { readonly name: string; readonly revision: string }[]>;
  /** @throws AppError `not-found` */
  readTemplate(name: string): Promise<{ readonly name: string; readonly text: string; readonly revision: string }>;
  /** Every problem of the files as they are, also what only shows when each file is rendered for each machine. */
  check(): Promise<readonly Problem[]>;
}

export interface EventFilter {
  readonly mac?: Mac | undefined;
  readonly host?: string | undefined;
  readonly kinds?: readonly EventKind[] | undefined;
}

export interface EventRange {
  readonly after?: number | undefined;
  /** Not together with `after`. */
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface EventAccess {
  /** Ascending by id: those after an id, or else the newest, or the newest before an id. */
  list(query: EventFilter & EventRange): Promise<StoredEvent[]>;
  subscribe(listener: (event: StoredEvent) => void): () => void;
}

export interface TokenAccess {
  readonly verify: VerifyToken;
  /** In order of name. */
  list(): Promise<TokenInfo[]>;
  /** The secret. @throws AppError `already-exists` */
  create(name: string, role: TokenRole): Promise<string>;
  revoke(name: string): Promise<boolean>;
}

export interface AuditQuery {
  readonly target?: string | undefined;
  readonly who?: string | undefined;
  readonly before?: number | undefined;
  readonly limit: number;
}

export interface AuditAccess {
  append(entry: AuditEntry): Promise<void>;
  /** Newest first. */
  list(query: AuditQuery): Promise<StoredAuditEntry[]>;
}

export interface UploadQuery {
  readonly host?: string | undefined;
  readonly prefix?: string | undefined;
  readonly after?: string | undefined;
  readonly limit: number;
}

export interface UploadAccess {
  /** In order of file. */
  list(query: UploadQuery): Promise<IndexedUpload[]>;
  /** @throws AppError `not-found` for an id the index has not */
  open(id: string): Promise<{ readonly upload: IndexedUpload; readonly outcome: ReadOutcome }>;
}

/** What an operator asks for; what is left out is `DEPLOYMENT_DEFAULTS`. */
export interface ArmOrder {
  /** Name of the host. */
  readonly host: string;
  /** Default: the profile the host is assigned. */
  readonly profile?: string | undefined;
  readonly attempts?: number | undefined;
  /** No attempt begins later than so many minutes from now. */
  readonly minutes?: number | undefined;
  /** Default: `answer` when the profile has answer files, else `callback`. */
  readonly spendOn?: SpendPoint | undefined;
  readonly loop?: Deployment['loop'] | undefined;
  /** The last word on variables, for this deployment only. */
  readonly vars?: Vars | undefined;
  /** Only makes a draft, to be armed later. */
  readonly draft?: boolean | undefined;
}

export interface DeploymentQuery {
  readonly host?: string | undefined;
  readonly states?: readonly DeploymentState[] | undefined;
  /** Only older ones than this id. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** `by` is the operator's name. Everything resolves only when it is on disk. */
export interface DeploymentAccess {
  /** The newest first. */
  list(query: DeploymentQuery): Promise<readonly Deployment[]>;
  /** @throws AppError `not-found` */
  get(id: string): Promise<Deployment>;
  /** The deployment of a host that has not ended. */
  find(host: string): Deployment | undefined;
  /**
   * Makes a deployment and arms it, pinned to the profile as it is now.
   * @throws AppError `not-found` (host, profile), `already-exists` (the host has one that has not ended),
   * `deployment-refused` (policy, no profile, parameters that are missing or wrong; with `problems`)
   */
  arm(order: ArmOrder, by: string): Promise<Deployment>;
  /** Arms a draft. @throws AppError `not-found`, `deployment-ended` */
  armDraft(id: string, by: string): Promise<Deployment>;
  /** An operator's word. @throws AppError `not-found`, `deployment-ended` */
  finish(id: string, outcome: 'succeeded' | 'failed' | 'cancelled', by: string, reason?: string): Promise<Deployment>;
}

/** A machine that is no host, with all that was learned of it. */
export interface Stranger extends Machine {
  /** Who made its card, by the first bytes of its MAC. */
  readonly vendor?: string | undefined;
  /** `7 (0x07) x64 UEFI` */
  readonly architecture?: string | undefined;
}

export interface InboxAccess {
  /** The last seen first; ignored ones only when asked for. */
  list(query: { readonly standings?: readonly Standing[] | undefined }): Promise<readonly Stranger[]>;
  /** @throws AppError `not-found` */
  get(mac: Mac): Promise<Stranger>;
  /**
   * Makes a host of it: MAC, UUID and serial are filled in where `document` has none.
   * @throws AppError `not-found` and what `writeObject` throws
   */
  adopt(mac: Mac, name: string, document?: Readonly<Record<string, unknown>>): Promise<ObjectFile>;
  /** `new` takes `ignored` or `blocked` back. @throws AppError `not-found` */
  setStanding(mac: Mac, standing: Standing): Promise<Stranger>;
  /** Until it is seen again. @throws AppError `not-found` */
  forget(mac: Mac): Promise<void>;
}

/** Values go in and never come out: templates alone read them (`{{secret "name"}}`). */
export interface SecretAccess {
  /** Names and when each was written (milliseconds since 1970); no values. */
  list(): Promise<readonly { readonly name: string; readonly changedAt: number }[]>;
  /** @throws AppError `request-invalid` (name), `disk-full`, `write-failed` */
  write(name: string, value: string): Promise<void>;
  /** False when there was none. */
  remove(name: string): Promise<boolean>;
}

/** An image of the catalogue, and how much of it is there. */
export interface ImageState {
  readonly reference: string;
  readonly name: string;
  readonly kind: string;
  readonly about: string;
  readonly licence: string;
  readonly source: string;
  readonly state: 'there' | 'part' | 'missing';
  readonly bytes: number;
  readonly proof?: string;
  readonly files: readonly { readonly to: string; readonly present: boolean }[];
}

/** A pull under way or ended. */
export interface ImageJobState {
  readonly id: string;
  readonly references: readonly string[];
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly files: readonly {
    readonly image: string;
    readonly file: string;
    readonly phase: 'fetch' | 'check' | 'extract';
    readonly done: number;
    readonly total?: number;
  }[];
  readonly outcomes: readonly { readonly kind: string; readonly to: string; readonly image: string }[];
  readonly step?: string;
  readonly fault?: string;
}

export interface ImageAccess {
  list(): Promise<readonly ImageState[]>;
  /** @throws AppError `not-found`, `request-invalid` for an image the catalogue does not have */
  pull(references: readonly string[], force: boolean): Promise<ImageJobState>;
  jobs(): readonly ImageJobState[];
  job(id: string): ImageJobState | undefined;
  stop(id: string): ImageJobState | undefined;
  /** @throws AppError `not-found` */
  verify(
    references: readonly string[],
  ): Promise<readonly { readonly to: string; readonly image: string; readonly state: 'good' | 'changed' | 'gone' }[]>;
  /** @throws AppError `not-found` */
  remove(
    reference: string,
    force: boolean,
  ): Promise<{ readonly removed: readonly string[]; readonly kept: readonly string[] }>;
}

export interface ExplainFacts {
  readonly mac: Mac;
  /** Option 93. */
  readonly arch?: number | undefined;
  readonly vendorClass?: string | undefined;
  readonly userClass?: string | undefined;
  readonly uuid?: string | undefined;
  /** Name of the network it asks on. */
  readonly network?: string | undefined;
}

export interface Explanation {
  /** `ignore`, `loader`, `script` and why. */
  readonly decision: { readonly kind: string; readonly reason: string };
  readonly host?: string | undefined;
  readonly profile?: string | undefined;
  readonly rules: readonly RuleTried[];
  /** Variables, options, loader and local boot, each with the place it was written. */
  readonly values: readonly SourcedValue[];
  /** How DHCP answers, or why it does not. */
  readonly answer: string;
  /** What it was asked: one line an option or field. */
  readonly request: readonly string[];
  readonly reply?: ExplainedReply | undefined;
}

/** The answer in words, the packet in hex, and where it goes. */
export interface ExplainedReply {
  readonly words: readonly string[];
  readonly hex: string;
  readonly sentTo: string;
  readonly notes: readonly string[];
  /** Of an iPXE: whether its wait for an IPv6 router is ended. */
  readonly routerWait?: { readonly end: boolean; readonly because: string } | undefined;
}

/** What a host boots next: `profile rescue`, `local disk (exit)`. */
export interface NextBoot {
  readonly kind: string;
  readonly text: string;
  readonly reason: string;
}

/** A path a host would ask for; `later` is what its profile adds once it is armed. */
export interface ShownPath {
  readonly path: string;
  readonly kind: 'template' | 'image' | 'absent';
  readonly from: string;
  readonly when: 'now' | 'later';
  readonly size?: number;
  readonly because?: string;
}

export interface DoorStatus {
  /** `dhcp`, `proxy`, `tftp`, `http`, `api`. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly interface?: string | undefined;
  /** How its sockets are made, where there is a choice. */
  readonly maker?: string | undefined;
  /** Why it is not open. */
  readonly failed?: string | undefined;
}

export interface ApplianceStatus {
  readonly startedAt: number;
  readonly doors: readonly DoorStatus[];
  /** Why it is not ready to boot machines; empty when it is. */
  readonly notReady: readonly string[];
}

export type Labels = Readonly<Record<string, string>>;

/** One metric in Prometheus' terms. */
export type Metric = {
  /** `hobnail_dhcp_sent_total`; times end in `_seconds`, sizes in `_bytes`. */
  readonly name: string;
  readonly help: string;
} & (
  | {
      readonly kind: 'counter' | 'gauge';
      readonly samples: readonly { readonly labels?: Labels; readonly value: number }[];
    }
  | { readonly kind: 'histogram'; readonly samples: readonly (HistogramReading & { readonly labels?: Labels })[] }
);

/** One self-contained page and the policy that lets just its own script and style run. */
export interface OperatorPage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

/** Where a command works: on the files, or by the API of a server that `--server` names. The same calls, the same answers. */
import type { ObjectFile, ObjectKind, PlainObject } from '../boot/edit.ts';
import type { TokenInfo, TokenRole } from '../boot/token.ts';
import type { TreeChange } from '../boot/tree.ts';
import type { NextBoot } from '../core.ts';
import type { Problem } from '../errors.ts';
import type { ShownPath } from '../files/host-files.ts';
import type { Mac } from '../net/mac.ts';
import type { ExplanationView } from '../operator.ts';
import type { Cli } from './cli.ts';
import { openFiles } from './house-files.ts';
import { openServer } from './house-server.ts';
import { serverOf } from './remote.ts';

export type ListedKind = Exclude<ObjectKind, 'host' | 'routes' | 'quirk'>;

/** Each call throws what the API answers: the same codes, so the same exit codes. */
export interface House {
  /** In order of name. */
  listHosts(): Promise<readonly ListedHost[]>;
  /** By name or MAC. */
  readHost(id: string): Promise<HostFile>;
  createHost(name: string, document: PlainObject): Promise<HostChanged>;
  /** A JSON merge patch on the host as it is now; refused when somebody else changes it meanwhile. */
  mergeHost(id: string, patch: PlainObject): Promise<HostChanged>;
  /** The name of what is gone. */
  removeHost(id: string): Promise<string>;
  pathsOfHost(id: string): Promise<{ readonly name: string; readonly files: readonly ShownPath[] }>;
  /** In order of name, as `hobnail profile ls` shows them. */
  listObjects(kind: ListedKind): Promise<readonly (readonly string[])[]>;
  readObject(kind: ListedKind, name: string): Promise<ObjectFile>;
  addObject(kind: ListedKind, name: string, text: string): Promise<void>;
  mergeObject(kind: ListedKind, name: string, patch: PlainObject): Promise<ObjectFile>;
  removeObject(kind: ListedKind, name: string): Promise<void>;
  explain(question: MachineQuestion): Promise<ExplanationView>;
  render(hostOrMac: string, path: string): Promise<Rendered>;
  check(): Promise<{ readonly problems: readonly Problem[]; readonly counts: Counts }>;
  plan(change: TreeChange): Promise<readonly EditView[]>;
  apply(change: TreeChange): Promise<readonly EditView[]>;
  impact(change: TreeChange, limit: number): Promise<ImpactView>;
  exportFiles(): Promise<Readonly<Record<string, string>>>;
  listTokens(): Promise<readonly TokenInfo[]>;
  /** The secret. */
  addToken(name: string, role: TokenRole): Promise<string>;
  removeToken(name: string): Promise<void>;
}

export interface ListedHost {
  readonly name: string;
  readonly macs: readonly string[];
  readonly profile?: string | undefined;
  readonly next: NextBoot;
}

export interface HostFile {
  readonly name: string;
  readonly document: PlainObject;
  readonly revision: string;
  readonly next: NextBoot;
}

export interface HostChanged {
  readonly name: string;
  readonly next: NextBoot;
}

/** A machine as it would ask DHCP. */
export interface MachineQuestion {
  readonly mac: Mac;
  readonly arch?: number | undefined;
  readonly vendorClass?: string | undefined;
  readonly userClass?: string | undefined;
  readonly uuid?: string | undefined;
  readonly network?: string | undefined;
}

export interface Rendered {
  readonly bytes: Uint8Array;
  readonly contentType: string;
  readonly origin: string;
}

export interface Counts {
  readonly hosts: number;
  readonly profiles: number;
  readonly networks: number;
}

export interface EditView {
  readonly file: string;
  readonly change: 'create' | 'change' | 'delete';
  /** Unified. */
  readonly diff: string;
}

export interface ImpactView {
  readonly edits: readonly EditView[];
  /** Machines that get something else; `machines` are the first of them. */
  readonly changed: number;
  readonly machines: readonly {
    readonly host?: string | undefined;
    readonly before: string;
    readonly after: string;
    readonly files: readonly {
      readonly path: string;
      readonly beforeBytes?: number | undefined;
      readonly afterBytes?: number | undefined;
      readonly diff: string;
      readonly problem?: string | undefined;
    }[];
  }[];
}

/** One piece of work in the house that the command line or the environment names. */
export async function inHouse<T>(cli: Cli, use: (house: House) => Promise<T>): Promise<T> {
  return serverOf(cli) === undefined ? openFiles(cli, use) : use(openServer(cli));
}

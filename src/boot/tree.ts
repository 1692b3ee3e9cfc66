/** `profiles/` and `templates/` as one tree of texts: what plan, impact, apply and export speak of. */
import type { FileEdit, ObjectChange } from './edit.ts';

/** Texts by path (`profiles/hosts/web01.yaml`, `templates/preseed/debian.cfg.hbs`); null removes the file. */
export type TreeFiles = Readonly<Record<string, string | null>>;

export interface TreeChange {
  readonly files?: TreeFiles | undefined;
  /** Changes of single objects, worked out on what is there. */
  readonly changes?: readonly ObjectChange[] | undefined;
  /** Files that `files` does not name are removed. */
  readonly prune?: boolean | undefined;
}

/** What a change does to one file of the tree. */
export type TreeEdit = Pick<FileEdit, 'file' | 'before' | 'after'>;

/** A file of a machine that is not what it was. A text is undefined where there is no file, or where it cannot be rendered. */
export interface FileImpact {
  readonly path: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** Why it cannot be rendered after the change. */
  readonly problem?: string | undefined;
}

export interface HostImpact {
  /** Undefined for machines that are no host. */
  readonly host: string | undefined;
  /** What it is meant to run, in words: `profile rescue`, `local disk`; `none` without a host. */
  readonly before: string;
  readonly after: string;
  readonly files: readonly FileImpact[];
}

export interface Impact {
  readonly edits: readonly TreeEdit[];
  /** Of the machines that change, the first ones. */
  readonly machines: readonly HostImpact[];
  /** How many change in all. */
  readonly changed: number;
}

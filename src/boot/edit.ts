/** Changes of what people write: the contract between the API, the command line and the files under `profiles/`. */

/** What a file of the inventory stands for, in the order files are read. `routes` is the one table `templates/routes.yaml`. */
export const OBJECT_KINDS = ['profile', 'host', 'group', 'network', 'quirk', 'routes'] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

/** Plain YAML data of an object: what a file or an API body holds. */
export type PlainObject = { readonly [key: string]: unknown };

/** An object as its file has it: no defaults filled in. */
export interface ObjectFile {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly document: PlainObject;
  /** The file as its author wrote it, comments and all. */
  readonly text: string;
  /** Changes when the text does; what `ETag` and `If-Match` carry. */
  readonly revision: string;
}

/**
 * `create` refuses to replace; `replace` makes the document say exactly this and keeps the comments of what stays; `merge` is
 * a JSON merge patch (RFC 7396); `text` is a whole YAML file, kept to the letter.
 */
export type DocumentChange =
  | { readonly kind: 'create'; readonly document: PlainObject }
  | { readonly kind: 'replace'; readonly document: PlainObject }
  | { readonly kind: 'merge'; readonly patch: PlainObject }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'delete' };

export interface ObjectChange {
  readonly kind: ObjectKind;
  readonly name: string;
  readonly change: DocumentChange;
  /** The revision its author saw; without it the change is made whatever is there. */
  readonly ifMatch?: string | undefined;
}

/** What a change does to one file. A text is undefined where there is no file. */
export interface FileEdit {
  readonly kind: ObjectKind;
  readonly name: string;
  /** As problems call it: `profiles/hosts/web01.yaml`. */
  readonly file: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

export interface EditOptions {
  readonly ifMatch?: string | undefined;
  /** Everything is checked, nothing is written. */
  readonly dryRun?: boolean | undefined;
}

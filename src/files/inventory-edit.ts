/** Changes of objects → the texts their files would have, and all of them written or none. */
import { type DocumentChange, type FileEdit, OBJECT_KINDS, type ObjectChange, type ObjectKind } from '../boot/edit.ts';
import { nameSchema } from '../boot/fields.ts';
import { AppError, formatProblem, type Problem } from '../errors.ts';
import { adviseName } from '../net/nearest.ts';
import { type Disk, removeDurably, stageFile } from './atomic-write.ts';
import { type InventoryRoots, type LoadedFile, objectRef, readText } from './inventory-files.ts';
import type { CheckOption, ObjectRef } from './inventory-schema.ts';
import { editYaml, isObject, mergePatch, writeYaml, type YamlObject } from './yaml-edit.ts';
import { parseYaml } from './yaml-source.ts';

/** A change worked out: the file as it is, and as it would be. `draft` is absent when the file goes. */
export interface PlannedEdit extends FileEdit {
  readonly ref: ObjectRef;
  readonly draft: LoadedFile | undefined;
}

/** The file's reference, or why there can be none: the name becomes a file name, so nothing but a plain one may pass. */
export function checkedRef(roots: InventoryRoots, kind: ObjectKind, name: string): ObjectRef {
  if (!OBJECT_KINDS.includes(kind)) {
    throw new AppError('request-invalid', `"${kind}" is no kind of object. ${adviseName(kind, OBJECT_KINDS)}`);
  }
  const parsed = nameSchema.safeParse(name);
  if (parsed.success) return objectRef(roots, kind, name);
  throw new AppError('request-invalid', `"${name}" is no ${kind} name: ${parsed.error.issues[0]?.message}.`);
}

/**
 * What `change` makes of the file. Only this one file is checked; the catalog it leads to is the caller's to check.
 * @param before the file on disk now
 * @throws AppError `not-found`, `already-exists`, `revision-stale`, `request-invalid`, `inventory-invalid`
 */
export function planEdit(
  ref: ObjectRef,
  before: LoadedFile | undefined,
  { change, ifMatch }: Pick<ObjectChange, 'change' | 'ifMatch'>,
  checkOption: CheckOption,
): PlannedEdit {
  checkRevision(ref, before, ifMatch);
  const after = textAfter(ref, before, change);
  const draft = after === undefined ? undefined : readText(ref, after, undefined, checkOption);
  return { kind: ref.kind, name: ref.name, file: ref.label, before: before?.text, after, ref, draft };
}

function textAfter(ref: ObjectRef, before: LoadedFile | undefined, change: DocumentChange): string | undefined {
  switch (change.kind) {
    case 'delete':
      if (!before) throw noSuchObject(ref);
      return undefined;
    case 'text':
      return change.text;
    case 'create':
      if (before) throw new AppError('already-exists', `There is a ${ref.kind} "${ref.name}" already.`);
      return newText(ref, change.document);
    case 'replace':
      return before ? edited(ref, before, change.document) : newText(ref, change.document);
    case 'merge': {
      if (!before) throw noSuchObject(ref);
      return edited(ref, before, mergePatch(parseYaml(ref.label, before.text).data, change.patch));
    }
    default:
      return change satisfies never;
  }
}

/** Writes all or nothing: every text is on the disk under another name before the first file is replaced. */
export async function writeEdits(edits: readonly PlannedEdit[], disk: Disk): Promise<void> {
  const staged: Awaited<ReturnType<typeof stageFile>>[] = [];
  try {
    for (const { ref, after } of edits) if (after !== undefined) staged.push(await stageFile(ref.file, after, disk));
    for (const file of staged) await file.commit();
  } catch (error) {
    await Promise.all(staged.map((file) => file.discard()));
    throw error;
  }
  for (const { ref, before, after } of edits) {
    if (after === undefined && before !== undefined) await removeDurably(ref.file, disk);
  }
}

/** A file that is not even YAML cannot be changed in part. */
export function requireMapping(file: LoadedFile): void {
  if (file.problems.length > 0 && !isObject(parseYaml(file.ref.label, file.text).data)) {
    throw invalidInventory(file.problems);
  }
}

export function noSuchObject({ kind, name }: Pick<ObjectRef, 'kind' | 'name'>): AppError {
  return new AppError('not-found', `There is no ${kind} "${name}".`);
}

export function invalidInventory(problems: readonly Problem[]): AppError {
  return new AppError('inventory-invalid', problems.map(formatProblem).join('\n'), { problems });
}

function newText({ kind }: ObjectRef, document: unknown): string {
  return writeYaml(mapping(kind, document));
}

function edited(ref: ObjectRef, before: LoadedFile, document: unknown): string {
  requireMapping(before);
  try {
    return editYaml(before.text, mapping(ref.kind, document));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalidInventory([{ severity: 'error', file: ref.label, message: error.message }]);
  }
}

function mapping(kind: ObjectKind, document: unknown): YamlObject {
  if (!isObject(document)) throw new AppError('request-invalid', `A ${kind} is an object.`);
  return document;
}

function checkRevision({ kind, name }: ObjectRef, file: LoadedFile | undefined, ifMatch: string | undefined): void {
  if (ifMatch === undefined || file?.revision === ifMatch) return;
  const what = file ? 'changed since you read it' : 'does not exist any more';
  const noun = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  throw new AppError('revision-stale', `${noun} "${name}" ${what}. Read it again and repeat your change.`);
}

/** The tree of `profiles/` and `templates/` as a whole: exported, planned, applied at once, and what a change would do. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectChange } from '../boot/edit.ts';
import { normalizePath } from '../boot/resolve.ts';
import type { Impact, TreeChange, TreeEdit } from '../boot/tree.ts';
import { AppError } from '../errors.ts';
import { adviseName } from '../net/nearest.ts';
import { DISK, type Disk, removeDurably, stageFile } from './atomic-write.ts';
import { measureImpact } from './impact.ts';
import type { Inventory } from './inventory.ts';
import { revisionOf } from './inventory-files.ts';
import { draftTemplates } from './template-draft.ts';
import { hbsFiles, type Templates } from './templates.ts';

export interface TreeDeps {
  readonly inventory: Pick<Inventory, 'snapshot' | 'preview' | 'applyChanges' | 'listObjects'>;
  readonly templates: Templates;
  readonly templatesRoot: string;
  /** Default: the real one. */
  readonly disk?: Disk;
}

export interface TemplateFile {
  readonly name: string;
  readonly text: string;
  readonly revision: string;
}

export interface Tree {
  /** Every text, by path. */
  exportFiles(): Promise<Readonly<Record<string, string>>>;
  /**
   * What would be written, everything checked.
   * @throws AppError `request-invalid` (a path that is none), `inventory-invalid`, `template-invalid`, with every problem
   */
  plan(change: TreeChange): Promise<readonly TreeEdit[]>;
  /** The same, written: all or nothing. @throws what `plan` throws, `disk-full`, `write-failed` */
  apply(change: TreeChange): Promise<readonly TreeEdit[]>;
  /** Which machines would get something else. @param limit of machines shown. @throws what `plan` throws */
  impact(change: TreeChange, limit: number): Promise<Impact>;
  /** Names of all templates and partials, with their revisions. */
  listTemplates(): Promise<readonly Omit<TemplateFile, 'text'>[]>;
  /** @throws AppError `not-found` */
  readTemplate(name: string): Promise<TemplateFile>;
}

const FOLDERS = { '': 'profile', hosts: 'host', groups: 'group', networks: 'network', quirks: 'quirk' } as const;

export function createTree({ inventory, templates, templatesRoot, disk = DISK }: TreeDeps): Tree {
  const readText = (name: string) => readFile(join(templatesRoot, name), 'utf8').catch(() => undefined);

  async function exportFiles(): Promise<Record<string, string>> {
    const files: Record<string, string> = {};
    for (const { path, text } of await inventory.listObjects()) files[path] = text;
    for (const name of await hbsFiles(templatesRoot)) files[`templates/${name}`] = (await readText(name)) ?? '';
    return files;
  }

  /** A change of the tree as changes of objects and of templates. */
  async function split({ files = {}, changes = [], prune = false }: TreeChange) {
    const wanted = new Map<string, string | null>(Object.entries(files));
    if (prune) {
      if (changes.length > 0) throw new AppError('request-invalid', '"prune" goes with "files", not with "changes".');
      for (const path of Object.keys(await exportFiles())) if (!wanted.has(path)) wanted.set(path, null);
    }
    const objects: ObjectChange[] = [...changes];
    const texts = new Map<string, string | null>();
    for (const [path, text] of wanted) {
      const place = placeOf(path);
      if (place.kind === 'template') texts.set(place.name, text);
      else objects.push({ ...place, change: text === null ? { kind: 'delete' } : { kind: 'text', text } });
    }
    return { objects, texts };
  }

  async function prepare(change: TreeChange) {
    const { objects, texts } = await split(change);
    const preview = await inventory.preview(objects);
    const drafted = await draftTemplates(templatesRoot, texts);
    try {
      const templateEdits: (TreeEdit & { readonly name: string })[] = [];
      for (const [name, after] of texts) {
        const before = await readText(name);
        if (before === undefined && after === null) throw noSuchTemplate(name, await hbsFiles(templatesRoot));
        templateEdits.push({ name, file: `templates/${name}`, before, after: after ?? undefined });
      }
      const edits = [...preview.edits, ...templateEdits].filter(({ before, after }) => before !== after);
      return { objects, preview, drafted, templateEdits, edits };
    } catch (error) {
      await drafted?.close();
      throw error;
    }
  }

  async function writeTemplates(
    edits: readonly (TreeEdit & { readonly name: string })[],
    then: () => Promise<unknown>,
  ) {
    const staged: Awaited<ReturnType<typeof stageFile>>[] = [];
    try {
      for (const { name, before, after } of edits) {
        if (after !== undefined && before !== after)
          staged.push(await stageFile(join(templatesRoot, name), after, disk));
      }
      await then();
      for (const file of staged) await file.commit();
    } catch (error) {
      await Promise.all(staged.map((file) => file.discard()));
      throw error;
    }
    for (const { name, after } of edits) if (after === undefined) await removeDurably(join(templatesRoot, name), disk);
  }

  return {
    exportFiles,
    async plan(change) {
      const { edits, drafted } = await prepare(change);
      await drafted?.close();
      return edits.map(({ file, before, after }) => ({ file, before, after }));
    },
    async apply(change) {
      const { objects, edits, drafted, templateEdits } = await prepare(change);
      await drafted?.close();
      await writeTemplates(templateEdits, () => inventory.applyChanges(objects));
      // Each has a good version to fall back on from now on.
      await templates.compileAll();
      return edits.map(({ file, before, after }) => ({ file, before, after }));
    },
    async impact(change, limit) {
      const { edits, preview, drafted } = await prepare(change);
      try {
        const before = { catalog: inventory.snapshot(), templates };
        const after = { catalog: preview.catalog, templates: drafted?.templates ?? templates };
        const measured = await measureImpact(before, after, limit);
        return { edits: edits.map(({ file, before, after }) => ({ file, before, after })), ...measured };
      } finally {
        await drafted?.close();
      }
    },
    async listTemplates() {
      const names = await hbsFiles(templatesRoot);
      return Promise.all(names.map(async (name) => ({ name, revision: revisionOf((await readText(name)) ?? '') })));
    },
    async readTemplate(name) {
      const place = placeOf(`templates/${name}`);
      const text = place.kind === 'template' ? await readText(name) : undefined;
      if (text === undefined) throw noSuchTemplate(name, await hbsFiles(templatesRoot));
      return { name, text, revision: revisionOf(text) };
    },
  };
}

type Place =
  | { readonly kind: 'template'; readonly name: string }
  | { readonly kind: ObjectChange['kind']; readonly name: string };

/** Where a path of the tree belongs. Nothing outside of it has a place. */
function placeOf(path: string): Place {
  const [, folder, name] = /^profiles\/(?:([a-z]+)\/)?([^/]+)\.yaml$/.exec(path) ?? [];
  if (name !== undefined && Object.hasOwn(FOLDERS, folder ?? '')) {
    return { kind: FOLDERS[(folder ?? '') as keyof typeof FOLDERS], name };
  }
  if (path === 'templates/routes.yaml') return { kind: 'routes', name: 'routes' };
  const template = /^templates\/(.+\.hbs)$/.exec(path)?.[1];
  const plain = template !== undefined && template.length <= 200 && normalizePath(template) === template;
  if (plain && !template.split('/').some((part) => part.startsWith('.'))) return { kind: 'template', name: template };
  const places =
    'profiles/NAME.yaml, profiles/hosts|groups|networks|quirks/NAME.yaml, templates/routes.yaml, templates/PATH.hbs';
  throw new AppError('request-invalid', `"${path.slice(0, 200)}" is no file of the tree. There are: ${places}.`);
}

function noSuchTemplate(name: string, known: readonly string[]): AppError {
  const advice = adviseName(name, [...known]);
  return new AppError(
    'not-found',
    `There is no template "${name}". ${advice.startsWith('Did you') ? advice : ''}`.trim(),
  );
}

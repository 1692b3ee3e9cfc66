/** `/validate`, `/impact`, `/plan`, `/apply`, `/export`: many files at once, looked at before they are written. */
import { createTwoFilesPatch } from 'diff';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { OBJECT_KINDS, type ObjectChange } from '../../boot/edit.ts';
import type { FileImpact, TreeChange, TreeEdit } from '../../boot/tree.ts';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { problemPartView } from '../problem-document.ts';

/** A tree of ten thousand hosts is about three mebibytes. */
const BODY_LIMIT = 32 * 1024 * 1024;
/** Longer ones are cut: nobody reads them, and a browser has to hold them. */
const MAX_DIFF = 64 * 1024;

const document = z.record(z.string(), z.unknown());
const objectChange = z
  .strictObject({
    kind: z.enum(OBJECT_KINDS),
    name: z.string().max(64),
    replace: document.optional().describe('The document, as PUT takes it'),
    merge: document.optional().describe('A JSON merge patch, as PATCH takes it'),
    delete: z.literal(true).optional(),
  })
  .refine((one) => [one.replace, one.merge, one.delete].filter((part) => part !== undefined).length === 1, {
    message: 'needs exactly one of "replace", "merge" and "delete"',
  });

const body = z.strictObject({
  files: z
    .record(z.string().max(300), z.string().nullable())
    .optional()
    .describe('Texts by path: profiles/hosts/web01.yaml, templates/preseed/debian.cfg.hbs; null removes the file'),
  changes: z.array(objectChange).max(10_000).optional().describe('Changes of single objects'),
  prune: z.boolean().default(false).describe('Files that "files" does not name are removed'),
});

const editView = z.object({
  file: z.string(),
  change: z.enum(['create', 'change', 'delete']),
  diff: z.string().describe('Unified'),
});
const editsView = z.object({ edits: z.array(editView) });

const impactView = z.object({
  edits: z.array(editView),
  changed: z.number().describe('Machines that get something else'),
  machines: z.array(
    z.object({
      host: z.string().optional().describe('Absent for machines that are no host'),
      before: z.string(),
      after: z.string(),
      files: z.array(
        z.object({
          path: z.string(),
          beforeBytes: z.number().optional(),
          afterBytes: z.number().optional(),
          diff: z.string().describe('Unified'),
          problem: z.string().optional().describe('Why it could not be rendered after the change'),
        }),
      ),
    }),
  ),
});

export function treeRoutes({ tree }: Pick<ApiDeps, 'tree'>): FastifyPluginAsyncZod {
  return async (app) => {
    const tags = ['tree'];

    app.post(
      '/validate',
      {
        bodyLimit: BODY_LIMIT,
        schema: {
          tags,
          summary: 'Every problem of the files as they are, or as they would be with these changes',
          body: body.optional().nullable(),
          response: { 200: z.object({ valid: z.boolean(), problems: z.array(problemPartView) }) },
        },
      },
      async (request) => {
        const change = request.body ? changeOf(request.body) : {};
        const isEmpty = Object.keys(change.files ?? {}).length === 0 && (change.changes ?? []).length === 0;
        const problems = isEmpty && !change.prune ? await tree.check() : await problemsOf(() => tree.plan(change));
        return { valid: problems.every(({ severity }) => severity !== 'error'), problems: [...problems] };
      },
    );

    app.post(
      '/plan',
      {
        bodyLimit: BODY_LIMIT,
        schema: { tags, summary: 'What would be written, as a diff a file', body, response: { 200: editsView } },
      },
      async (request) => ({ edits: (await tree.plan(changeOf(request.body))).map(viewEdit) }),
    );

    app.post(
      '/apply',
      {
        bodyLimit: BODY_LIMIT,
        schema: {
          tags,
          summary: 'Write many files at once: all or nothing',
          querystring: z.strictObject({ dryRun: z.stringbool().optional() }),
          body,
          response: { 200: editsView },
        },
      },
      async (request) => {
        const { dryRun = false } = request.query;
        const change = changeOf(request.body);
        const edits = await (dryRun ? tree.plan(change) : tree.apply(change));
        const shown = edits.slice(0, 10).map(({ file }) => file);
        const more = edits.length > shown.length ? ` and ${edits.length - shown.length} more` : '';
        request.touched = {
          kind: 'files',
          name: `${shown.join(', ')}${more}` || 'none',
          dryRun: dryRun || edits.length === 0,
        };
        return { edits: edits.map(viewEdit) };
      },
    );

    app.post(
      '/impact',
      {
        bodyLimit: BODY_LIMIT,
        schema: {
          tags,
          summary: 'Which machines would get something else, with a diff of each file',
          querystring: z.strictObject({ limit: z.coerce.number().int().min(1).max(1000).default(50) }),
          body,
          response: { 200: impactView },
        },
      },
      async (request) => {
        const { edits, changed, machines } = await tree.impact(changeOf(request.body), request.query.limit);
        return {
          edits: edits.map(viewEdit),
          changed,
          machines: machines.map((one) => ({ ...one, files: one.files.map(viewFile) })),
        };
      },
    );

    app.get(
      '/export',
      {
        schema: {
          tags,
          summary: 'Every file of profiles/ and templates/, as /apply takes them',
          response: { 200: z.object({ files: z.record(z.string(), z.string()) }) },
        },
      },
      async () => ({ files: { ...(await tree.exportFiles()) } }),
    );
  };
}

function changeOf({ files, changes = [], prune }: z.output<typeof body>): TreeChange {
  return {
    ...(files && { files }),
    prune,
    changes: changes.map(({ kind, name, replace, merge }): ObjectChange => {
      if (replace) return { kind, name, change: { kind: 'replace', document: replace } };
      if (merge) return { kind, name, change: { kind: 'merge', patch: merge } };
      return { kind, name, change: { kind: 'delete' } };
    }),
  };
}

/** A change that is refused because of what it says is an answer, not a failure. */
async function problemsOf(work: () => Promise<unknown>) {
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof AppError && error.problems.length > 0) return error.problems;
    throw error;
  }
}

function viewEdit({ file, before, after }: TreeEdit): z.output<typeof editView> {
  const change = before === undefined ? 'create' : after === undefined ? 'delete' : 'change';
  return { file, change, diff: diffOf(file, before, after) };
}

function viewFile({ path, before, after, problem }: FileImpact) {
  return {
    path,
    ...(before !== undefined && { beforeBytes: Buffer.byteLength(before) }),
    ...(after !== undefined && { afterBytes: Buffer.byteLength(after) }),
    diff: diffOf(path, before, after),
    ...(problem !== undefined && { problem }),
  };
}

function diffOf(name: string, before = '', after = ''): string {
  if (before.length + after.length > 8 * MAX_DIFF) return `${name}: too long to compare here\n`;
  const text = createTwoFilesPatch(name, name, before, after, undefined, undefined, { context: 3 });
  return text.length > MAX_DIFF ? `${text.slice(0, MAX_DIFF)}\n…\n` : text;
}

/** Every kind of object people write, by the same five routes: list, read, create, change, delete. Revisions guard each change. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ObjectFile, ObjectKind } from '../../boot/edit.ts';
import { nameSchema } from '../../boot/fields.ts';
import { AppError } from '../../errors.ts';
import { adviseName } from '../../net/nearest.ts';
import type { ApiDeps, WrittenChange } from '../api-deps.ts';
import { acceptsYaml, sendYaml, YAML } from '../media.ts';
import { chooseRevision, formatRevision } from '../revision.ts';
import { checkBody, keepAsSent } from '../validation.ts';

/** What sets one kind apart from the others. */
export interface ObjectRoutesSpec {
  readonly kind: ObjectKind;
  /** In paths: `hosts`. */
  readonly plural: string;
  /** Of the document in the file. */
  readonly schema: z.ZodObject;
  /** As it is shown: the document, with its name. */
  readonly view: z.ZodType;
  /** Names that are served, for "did you mean". */
  readonly names: () => Iterable<string>;
  /** The name behind what stands in the path, for kinds that are found by more than their name. */
  readonly nameOf?: (id: string) => string | undefined;
  readonly idHint?: string;
}

const headers = z.looseObject({ 'if-match': z.string().optional().describe('ETag of the object as you read it') });
const querystring = z.strictObject({
  dryRun: z.stringbool().optional().describe('Checks everything and answers as if, but writes nothing'),
});

/** The parameters stand in the schema only to be described: what is sent must reach the file as it was sent. */
export function objectRoutes(
  bare: FastifyInstance,
  { inventory }: Pick<ApiDeps, 'inventory'>,
  spec: ObjectRoutesSpec,
): void {
  const app = bare.withTypeProvider<ZodTypeProvider>();
  const { kind, plural, schema, view, idHint = 'Its name' } = spec;
  const tags = [plural];
  const params = z.object({ id: z.string().min(1).max(64).describe(idHint) });
  const newObject = schema.safeExtend({ name: nameSchema });
  const wholeObject = schema.safeExtend({ name: nameSchema.optional() });
  // A patch names only what changes, and `null` removes: before it is applied only its keys can be checked.
  const patchOf = z.strictObject(
    Object.fromEntries(Object.keys(schema.shape).map((key) => [key, z.unknown().optional()])),
  );

  async function find(id: string): Promise<ObjectFile | undefined> {
    // A file with errors is in no snapshot, yet it must be possible to correct it.
    const name = spec.nameOf?.(id) ?? id;
    if (!nameSchema.safeParse(name).success) return undefined;
    try {
      return await inventory.readObject(kind, name);
    } catch (error) {
      if (error instanceof AppError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async function findExisting(id: string): Promise<ObjectFile> {
    const found = await find(id);
    if (found) return found;
    throw new AppError('not-found', `There is no ${kind} "${id}". ${nearestOf(id, spec.names())}`.trim());
  }

  /** Writes and tells the audit log what changed. */
  async function write(request: FastifyRequest, name: string, change: WrittenChange, before?: ObjectFile) {
    const { dryRun } = request.query as z.output<typeof querystring>;
    const after = await inventory.writeObject(kind, name, change, { ifMatch: before?.revision, dryRun });
    request.touched = { kind, name, before: before?.revision, after: after.revision, dryRun };
    return after;
  }

  async function create(request: FastifyRequest, reply: FastifyReply, name: string, change: WrittenChange) {
    const file = await write(request, name, change);
    reply.code(201).header('location', `/api/v1/${plural}/${name}`);
    return show(file, reply);
  }

  app.get(
    `/${plural}/:id`,
    {
      schema: {
        tags,
        summary: `Read a ${kind} as its file has it; the ETag is its revision`,
        params,
        response: { 200: view },
      },
    },
    async (request, reply) => {
      const file = await findExisting(request.params.id);
      reply.header('vary', 'accept');
      if (!acceptsYaml(request)) return show(file, reply);
      return sendYaml(reply.header('etag', formatRevision(file.revision)), file.text);
    },
  );

  app.post(
    `/${plural}`,
    {
      schema: { tags, summary: `Create a ${kind}`, querystring, body: newObject, response: { 201: view } },
      validatorCompiler: keepAsSent,
    },
    async (request, reply) => {
      request.query = checkBody(querystring, request.query, 'querystring');
      const { name } = checkBody(newObject, request.body);
      const document = withoutName(asRecord(request.body));
      return await create(request, reply, String(name), { kind: 'create', document });
    },
  );

  app.put(
    `/${plural}/:id`,
    {
      schema: {
        tags,
        summary: `Replace a ${kind} (If-Match), or create it (If-None-Match: *)`,
        description: `JSON keeps the comments of the file; ${YAML} is the whole file and is kept to the letter.`,
        consumes: ['application/json', YAML],
        params,
        querystring,
        headers: headers.extend({ 'if-none-match': z.string().optional() }),
        body: wholeObject,
        response: { 200: view, 201: view },
      },
      validatorCompiler: keepAsSent,
    },
    async (request, reply) => {
      request.query = checkBody(querystring, request.query, 'querystring');
      const { id } = checkBody(params, request.params, 'params');
      const found = await find(id);
      const name = found?.name ?? checkBody(z.object({ id: nameSchema }), { id }, 'params').id;
      const change = wholeChange(request, name);
      const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
      if (!found) {
        if (ifMatch !== undefined) throw new AppError('revision-stale', `There is no ${kind} "${id}" any more.`);
        if (ifNoneMatch?.trim() !== '*') {
          throw new AppError('revision-required', `There is no ${kind} "${id}". Send "If-None-Match: *" to create it.`);
        }
        return await create(request, reply, name, change);
      }
      if (ifNoneMatch?.trim() === '*') {
        throw new AppError('revision-stale', `There is a ${kind} "${name}" already. Send its ETag as If-Match.`);
      }
      chooseRevision(ifMatch, found.revision, `${kind} "${name}"`);
      return show(await write(request, name, change, found), reply);
    },
  );

  /** The body as a change: a YAML file to the letter, or a document. */
  function wholeChange(request: FastifyRequest, name: string): WrittenChange {
    if (typeof request.body === 'string') return { kind: 'text', text: request.body };
    const { name: given } = checkBody(wholeObject, request.body);
    if (given !== undefined && given !== name) {
      const words = `The body names ${kind} "${given}", the address "${name}". A ${kind} keeps its name.`;
      throw new AppError('request-invalid', words);
    }
    return { kind: 'replace', document: withoutName(asRecord(request.body)) };
  }

  app.patch(
    `/${plural}/:id`,
    {
      schema: {
        tags,
        summary: `Change parts of a ${kind} by JSON merge patch: null removes`,
        consumes: ['application/merge-patch+json', 'application/json'],
        params,
        querystring,
        headers,
        body: patchOf,
        response: { 200: view },
      },
      validatorCompiler: keepAsSent,
    },
    async (request, reply) => {
      request.query = checkBody(querystring, request.query, 'querystring');
      const { id } = checkBody(params, request.params, 'params');
      const patch = checkBody(patchOf, request.body);
      const found = await findExisting(id);
      chooseRevision(request.headers['if-match'], found.revision, `${kind} "${found.name}"`);
      return show(await write(request, found.name, { kind: 'merge', patch }, found), reply);
    },
  );

  app.delete(
    `/${plural}/:id`,
    { schema: { tags, summary: `Delete a ${kind}`, params, querystring, headers, response: { 204: z.null() } } },
    async (request, reply) => {
      const { name, revision } = await findExisting(request.params.id);
      chooseRevision(request.headers['if-match'], revision, `${kind} "${name}"`);
      const { dryRun } = request.query;
      await inventory.deleteObject(kind, name, { ifMatch: revision, dryRun });
      request.touched = { kind, name, before: revision, dryRun };
      return reply.code(204).send(null);
    },
  );
}

function show({ name, document, revision }: ObjectFile, reply: FastifyReply): Record<string, unknown> {
  reply.header('etag', formatRevision(revision));
  return { name, ...document };
}

/** The body was checked against a schema for objects. */
function asRecord(body: unknown): Record<string, unknown> {
  return body as Record<string, unknown>;
}

/** The name of an object is that of its file; it does not stand in the document. */
function withoutName({ name: _name, ...document }: Record<string, unknown>): Record<string, unknown> {
  return document;
}

function nearestOf(id: string, names: Iterable<string>): string {
  const advice = adviseName(id, [...names]);
  // The whole list of ten thousand hosts helps nobody.
  return advice.startsWith('Did you mean') ? advice : '';
}

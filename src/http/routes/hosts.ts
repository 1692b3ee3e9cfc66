/** `/hosts`: who the machines are. Every change names the revision it was made on. */
import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { nameSchema } from '../../boot/fields.ts';
import { hostSchema } from '../../boot/host.ts';
import { AppError } from '../../errors.ts';
import type { ApiDeps, HostFile } from '../api-deps.ts';
import { findHostById, noSuchHost, pageByName, searchHosts } from '../host-search.ts';
import type { Operator } from '../login.ts';
import { chooseRevision, formatRevision } from '../revision.ts';
import { checkBody, keepAsSent } from '../validation.ts';
import { hostView, pageOf, pageQuery, viewHost } from '../views.ts';

const params = z.object({ id: z.string().min(1).max(64).describe('Its name, or any of its MACs in any form') });
const conditional = z.looseObject({ 'if-match': z.string().optional().describe('ETag of the host as you read it') });
const tags = ['hosts'];

const newHost = hostSchema.extend({ name: nameSchema });
const wholeHost = hostSchema.extend({ name: nameSchema.optional() });
// A patch names only what changes, and `null` removes: before it is applied only its keys can be checked.
const hostPatch = z.strictObject(
  Object.fromEntries(Object.keys(hostSchema.shape).map((key) => [key, z.unknown().optional()])),
);

const query = z.strictObject({
  q: z.string().max(200).optional().describe('Part of a name, MAC, address, serial, label or note'),
  label: z
    .union([z.string(), z.array(z.string()).max(20)])
    .optional()
    .describe('rack=a1, or rack for any value; may be repeated'),
  profile: z.string().optional(),
  ...pageQuery,
});

type Deps = Pick<ApiDeps, 'inventory' | 'log'>;

export function hostRoutes({ inventory, log }: Deps): FastifyPluginAsyncZod {
  /** The inventory records the change; here is known who made it. */
  const tell = (host: string, done: string, operator: Operator | null) =>
    log.info({ host, operator: operator?.name }, `host ${done} by API`);

  async function findFile(id: string): Promise<{ name: string; file: HostFile } | undefined> {
    // A file with errors is in no snapshot, yet it must be possible to correct it.
    const name = findHostById(inventory.snapshot(), id)?.name ?? id;
    if (!nameSchema.safeParse(name).success) return undefined;
    try {
      return { name, file: await inventory.readHost(name) };
    } catch (error) {
      if (error instanceof AppError && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  async function readExisting(id: string): Promise<{ name: string; file: HostFile }> {
    const found = await findFile(id);
    if (!found) throw noSuchHost(inventory.snapshot(), id);
    return found;
  }

  async function create(name: string, body: Record<string, unknown>, operator: Operator | null, reply: FastifyReply) {
    const file = await inventory.writeHost(name, { kind: 'create', document: withoutName(body) });
    tell(name, 'created', operator);
    reply.code(201).header('location', `/api/v1/hosts/${name}`);
    return show(name, file, reply);
  }

  return async (app) => {
    app.get(
      '/hosts',
      { schema: { tags, summary: 'List hosts', querystring: query, response: { 200: pageOf(hostView) } } },
      async ({ query: { q, label, profile, cursor, limit } }) => {
        const labels = typeof label === 'string' ? [label] : label;
        const page = pageByName(searchHosts(inventory.snapshot(), { q, labels, profile }), cursor, limit);
        return { ...page, items: page.items.map(viewHost) };
      },
    );

    app.get(
      '/hosts/:id',
      { schema: { tags, summary: 'Read a host; the ETag is its revision', params, response: { 200: hostView } } },
      async (request, reply) => {
        const { name, file } = await readExisting(request.params.id);
        return show(name, file, reply);
      },
    );

    app.post(
      '/hosts',
      {
        schema: { tags, summary: 'Create a host', body: newHost, response: { 201: hostView } },
        validatorCompiler: keepAsSent,
      },
      async (request, reply) => {
        const { name } = checkBody(newHost, request.body);
        return await create(name, asRecord(request.body), request.operator, reply);
      },
    );

    app.put(
      '/hosts/:id',
      {
        schema: {
          tags,
          summary: 'Replace a host (If-Match), or create it (If-None-Match: *)',
          params,
          headers: conditional.extend({ 'if-none-match': z.string().optional() }),
          body: wholeHost,
          response: { 200: hostView, 201: hostView },
        },
        validatorCompiler: keepAsSent,
      },
      async (request, reply) => {
        const { id } = checkBody(params, request.params);
        const { name: given } = checkBody(wholeHost, request.body);
        const found = await findFile(id);
        const name = found?.name ?? checkBody(z.object({ id: nameSchema }), { id }).id;
        if (given !== undefined && given !== name) {
          throw new AppError(
            'request-invalid',
            `The body names host "${given}", the address "${name}". A host keeps its name.`,
          );
        }
        const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = request.headers;
        if (!found) {
          if (ifMatch !== undefined) throw new AppError('revision-stale', `There is no host "${id}" any more.`);
          if (ifNoneMatch?.trim() !== '*') {
            throw new AppError('revision-required', `There is no host "${id}". Send "If-None-Match: *" to create it.`);
          }
          return await create(name, asRecord(request.body), request.operator, reply);
        }
        if (ifNoneMatch?.trim() === '*') {
          throw new AppError(
            'revision-stale',
            `Host "${name}" exists already. Send its ETag as If-Match to change it.`,
          );
        }
        const revision = chooseRevision(ifMatch, found.file.revision, `host "${name}"`);
        const document = withoutName(asRecord(request.body));
        const written = await inventory.writeHost(name, { kind: 'replace', document }, { ifMatch: revision });
        tell(name, 'replaced', request.operator);
        return show(name, written, reply);
      },
    );

    app.patch(
      '/hosts/:id',
      {
        schema: {
          tags,
          summary: 'Change parts of a host by JSON merge patch: null removes',
          consumes: ['application/merge-patch+json', 'application/json'],
          params,
          headers: conditional,
          body: hostPatch,
          response: { 200: hostView },
        },
        validatorCompiler: keepAsSent,
      },
      async (request, reply) => {
        const { id } = checkBody(params, request.params);
        const patch = checkBody(hostPatch, request.body);
        const { name, file } = await readExisting(id);
        const revision = chooseRevision(request.headers['if-match'], file.revision, `host "${name}"`);
        const written = await inventory.writeHost(name, { kind: 'merge', patch }, { ifMatch: revision });
        tell(name, `changed (${Object.keys(patch).join(', ')})`, request.operator);
        return show(name, written, reply);
      },
    );

    app.delete(
      '/hosts/:id',
      { schema: { tags, summary: 'Delete a host', params, headers: conditional, response: { 204: z.null() } } },
      async (request, reply) => {
        const { name, file } = await readExisting(request.params.id);
        const revision = chooseRevision(request.headers['if-match'], file.revision, `host "${name}"`);
        await inventory.deleteHost(name, { ifMatch: revision });
        tell(name, 'deleted', request.operator);
        return reply.code(204).send(null);
      },
    );
  };
}

function show(name: string, file: HostFile, reply: FastifyReply): z.output<typeof hostView> {
  reply.header('etag', formatRevision(file.revision));
  return { name, ...file.document } as z.output<typeof hostView>;
}

/** The body was checked against a schema for objects. */
function asRecord(body: unknown): Record<string, unknown> {
  return body as Record<string, unknown>;
}

/** The name of a host is that of its file; it does not stand in the document. */
function withoutName({ name: _name, ...document }: Record<string, unknown>): Record<string, unknown> {
  return document;
}

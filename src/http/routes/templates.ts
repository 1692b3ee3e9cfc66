/** `/templates`: the texts machines are given, by their path under `templates/`. Compiled before they are written. */
import type { FastifyPluginAsyncZod, ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { pageByName } from '../host-search.ts';
import { chooseRevision, formatRevision } from '../revision.ts';
import { pageOf, pageQuery } from '../views.ts';

const params = z.object({ '*': z.string().min(1).max(200).describe('preseed/debian.cfg.hbs') });
const headers = z.looseObject({
  'if-match': z.string().optional().describe('ETag of the template as you read it'),
  'if-none-match': z.string().optional().describe('"*" to create one'),
});
const querystring = z.strictObject({ dryRun: z.stringbool().optional() });
const written = z.object({ name: z.string(), revision: z.string() });
const tags = ['templates'];

export function templateRoutes({ tree }: Pick<ApiDeps, 'tree'>): FastifyPluginAsyncZod {
  const find = async (name: string) => {
    try {
      return await tree.readTemplate(name);
    } catch (error) {
      if (error instanceof AppError && error.code === 'not-found') return undefined;
      throw error;
    }
  };

  return async (bare) => {
    const app = bare.withTypeProvider<ZodTypeProvider>();
    // A template is text, whatever a client calls it.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => done(null, text));

    app.get(
      '/templates',
      {
        schema: {
          tags,
          summary: 'List templates and partials',
          querystring: z.strictObject({ ...pageQuery, cursor: z.string().max(400).optional() }),
          response: { 200: pageOf(z.object({ name: z.string(), revision: z.string() })) },
        },
      },
      async ({ query: { cursor, limit } }) => pageByName(await tree.listTemplates(), cursor, limit),
    );

    app.get(
      '/templates/*',
      { schema: { tags, summary: 'Read a template; the ETag is its revision', params } },
      async (request, reply) => {
        const { text, revision } = await tree.readTemplate(request.params['*']);
        return reply
          .header('etag', formatRevision(revision))
          .header('content-security-policy', "sandbox; default-src 'none'")
          .type('text/plain; charset=utf-8')
          .serializer((body: unknown) => String(body))
          .send(text);
      },
    );

    app.put(
      '/templates/*',
      {
        bodyLimit: 512 * 1024,
        schema: {
          tags,
          summary: 'Replace a template (If-Match), or create it (If-None-Match: *)',
          params,
          headers,
          querystring,
          consumes: ['text/plain'],
          body: z.string(),
          response: { 200: written, 201: written },
        },
      },
      async (request, reply) => {
        const name = request.params['*'];
        const found = await find(name);
        const isNew = request.headers['if-none-match']?.trim() === '*';
        if (found && isNew) throw new AppError('revision-stale', `There is a template "${name}" already.`);
        if (found) chooseRevision(request.headers['if-match'], found.revision, `template "${name}"`);
        else if (!isNew) {
          throw new AppError(
            'revision-required',
            `There is no template "${name}". Send "If-None-Match: *" to create it.`,
          );
        }
        const { dryRun = false } = request.query;
        const change = { files: { [`templates/${name}`]: request.body } };
        await (dryRun ? tree.plan(change) : tree.apply(change));
        const after = dryRun ? undefined : await tree.readTemplate(name);
        request.touched = { kind: 'template', name, before: found?.revision, after: after?.revision, dryRun };
        if (after) reply.header('etag', formatRevision(after.revision));
        return reply
          .code(found || dryRun ? 200 : 201)
          .send({ name, revision: after?.revision ?? found?.revision ?? '' });
      },
    );

    app.delete(
      '/templates/*',
      { schema: { tags, summary: 'Delete a template', params, headers, querystring, response: { 204: z.null() } } },
      async (request, reply) => {
        const { name, revision } = await tree.readTemplate(request.params['*']);
        chooseRevision(request.headers['if-match'], revision, `template "${name}"`);
        const { dryRun = false } = request.query;
        const change = { files: { [`templates/${name}`]: null } };
        await (dryRun ? tree.plan(change) : tree.apply(change));
        request.touched = { kind: 'template', name, before: revision, dryRun };
        return reply.code(204).send(null);
      },
    );
  };
}

/** `/tokens`, `/audit`: who may log in, and what they did. For admins. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { TOKEN_ROLES } from '../../boot/token.ts';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { pageByName } from '../host-search.ts';
import type { OpenStreams } from '../open-streams.ts';
import { pageOf, pageQuery } from '../views.ts';

const tokenName = z.string().regex(/^[\w.@-]{1,63}$/, 'use letters, digits, ".", "_", "@" and "-"; at most 63');
const role = z.enum(TOKEN_ROLES).describe('viewer looks, operator runs machines, admin may everything');
const tokenView = z.object({ name: z.string(), role: z.string(), createdAt: z.number() });
const auditView = z.object({
  id: z.number(),
  at: z.number().describe('Milliseconds since 1970'),
  who: z.string(),
  role: z.string(),
  action: z.string(),
  target: z.string(),
  before: z.string().optional().describe('Revision'),
  after: z.string().optional(),
  status: z.number(),
  ip: z.string().optional(),
  request: z.string().optional(),
});

const auditQuery = z.strictObject({
  target: z.string().max(200).optional().describe('"host web01"; all its changes'),
  who: z.string().max(200).optional(),
  cursor: z.coerce.number().int().min(0).optional().describe('"next" of the page before'),
  limit: pageQuery.limit,
});

type Deps = Pick<ApiDeps, 'tokens' | 'audit'> & { readonly streams: Pick<OpenStreams, 'recheck'> };

export function tokenRoutes({ tokens, audit, streams }: Deps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/tokens',
      {
        schema: {
          tags: ['tokens'],
          summary: 'List tokens, without their secrets',
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(tokenView) },
        },
      },
      async ({ query: { cursor, limit } }) => pageByName(await tokens.list(), cursor, limit),
    );

    app.post(
      '/tokens',
      {
        schema: {
          tags: ['tokens'],
          summary: 'Make a token; its secret is in the answer and nowhere else',
          body: z.strictObject({ name: tokenName, role }),
          response: { 201: z.object({ name: z.string(), role: z.string(), token: z.string() }) },
        },
      },
      async (request, reply) => {
        const { name, role } = request.body;
        const token = await tokens.create(name, role);
        request.touched = { kind: 'token', name, after: role };
        return reply.code(201).send({ name, role, token });
      },
    );

    app.delete(
      '/tokens/:name',
      {
        schema: {
          tags: ['tokens'],
          summary: 'Revoke a token, at once',
          params: z.object({ name: z.string().min(1).max(64) }),
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const { name } = request.params;
        const all = await tokens.list();
        const others = all.filter((one) => one.name !== name);
        if (others.length === all.length) throw new AppError('not-found', `There is no token "${name}".`);
        if (!others.some((one) => one.role === 'admin')) {
          throw new AppError('request-invalid', `"${name}" is the last admin; make another one first.`);
        }
        await tokens.revoke(name);
        streams.recheck();
        request.touched = { kind: 'token', name };
        return reply.code(204).send(null);
      },
    );

    app.get(
      '/audit',
      {
        schema: {
          tags: ['audit'],
          summary: 'Who changed what, newest first',
          querystring: auditQuery,
          response: { 200: z.object({ items: z.array(auditView), next: z.number().optional() }) },
        },
      },
      async ({ query: { target, who, cursor, limit } }) => {
        const found = await audit.list({ target, who, before: cursor, limit: limit + 1 });
        const items = found.slice(0, limit);
        const next = found.length > limit ? items.at(-1)?.id : undefined;
        return { items, ...(next !== undefined && { next }) };
      },
    );
  };
}

/** `/secrets`: values go in and never come out; templates alone read them. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';

const tags = ['secrets'];
const params = z.object({
  '*': z.string().min(1).max(130).describe('`root-password`, or `web01/root-password` for one host'),
});

export function secretRoutes({ secrets }: Pick<ApiDeps, 'secrets'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/secrets',
      {
        schema: {
          tags,
          summary: 'List names; values are never shown',
          response: { 200: z.object({ items: z.array(z.object({ name: z.string(), changedAt: z.number() })) }) },
        },
      },
      async () => ({ items: [...(await secrets.list())] }),
    );

    app.put(
      '/secrets/*',
      {
        schema: {
          tags,
          summary: 'Set a secret',
          params,
          body: z.strictObject({ value: z.string().min(1).max(65_536) }),
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        await secrets.write(request.params['*'], request.body.value);
        return reply.code(204).send(null);
      },
    );

    app.delete(
      '/secrets/*',
      { schema: { tags, summary: 'Remove a secret', params, response: { 204: z.null() } } },
      async (request, reply) => {
        const name = request.params['*'];
        if (!(await secrets.remove(name))) throw new AppError('not-found', `There is no secret "${name}".`);
        return reply.code(204).send(null);
      },
    );
  };
}

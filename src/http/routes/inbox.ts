/** `/discovered`: machines that are no host, with all that was learned of them; adopt, ignore or block one by one call. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { STANDINGS } from '../../boot/facts.ts';
import { nameSchema } from '../../boot/fields.ts';
import { hostSchema } from '../../boot/host.ts';
import type { ApiDeps } from '../api-deps.ts';
import { byName, pageByName } from '../host-search.ts';
import { formatRevision } from '../revision.ts';
import { checkBody, keepAsSent } from '../validation.ts';
import { hostView, macInput, pageOf, pageQuery } from '../views.ts';

const tags = ['discovered'];
const params = z.object({ mac: macInput });

const strangerView = z.object({
  mac: z.string(),
  standing: z.enum(STANDINGS),
  firstSeenAt: z.number().describe('Milliseconds since 1970'),
  lastSeenAt: z.number(),
  times: z.number().describe('Boots'),
  vendor: z.string().optional().describe("Of the network card, by IEEE's register"),
  architecture: z.string().optional(),
  facts: z.looseObject({ mac: z.string() }).describe('What it said of itself: proof of nothing'),
});

// MACs, UUID and serial come from what was learned where they are not given.
const adoption = z.strictObject({
  ...hostSchema.shape,
  macs: hostSchema.shape.macs.optional(),
  name: nameSchema,
});

export function inboxRoutes({ inbox }: Pick<ApiDeps, 'inbox'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/discovered',
      {
        schema: {
          tags,
          summary: 'List machines that are no host, the last seen first',
          querystring: z.strictObject({
            standing: z.union([z.enum(STANDINGS), z.array(z.enum(STANDINGS))]).optional(),
            ...pageQuery,
          }),
          response: { 200: pageOf(strangerView) },
        },
      },
      async ({ query: { standing, cursor, limit } }) => {
        const standings = typeof standing === 'string' ? [standing] : standing;
        const found = await inbox.list({ standings });
        // A number that counts down keeps the order of sight; a machine that is seen between two pages moves to the front.
        const named = found.map((one) => ({ name: `${Number.MAX_SAFE_INTEGER - one.lastSeenAt} ${one.mac}`, one }));
        const page = pageByName(named.sort(byName), cursor, limit);
        return { ...page, items: page.items.map(({ one }) => ({ ...one, facts: { ...one.facts } })) };
      },
    );

    app.get(
      '/discovered/:mac',
      { schema: { tags, summary: 'Read all that was learned of one', params, response: { 200: strangerView } } },
      async (request) => {
        const found = await inbox.get(request.params.mac);
        return { ...found, facts: { ...found.facts } };
      },
    );

    app.post(
      '/discovered/:mac/adopt',
      {
        schema: { tags, summary: 'Make a host of it', params, body: adoption, response: { 201: hostView } },
        validatorCompiler: keepAsSent,
      },
      async (request, reply) => {
        const { mac } = checkBody(params, request.params);
        const { name } = checkBody(adoption, request.body);
        const { name: _, ...document } = request.body as Record<string, unknown>;
        const file = await inbox.adopt(mac, name, document);
        request.touched = { kind: 'host', name, after: file.revision };
        reply.code(201).header('location', `/api/v1/hosts/${name}`).header('etag', formatRevision(file.revision));
        return { name, ...file.document } as z.output<typeof hostView>;
      },
    );

    for (const [word, standing] of [
      ['ignore', 'ignored'],
      ['block', 'blocked'],
      ['restore', 'new'],
    ] as const) {
      app.post(
        `/discovered/:mac/${word}`,
        {
          schema: {
            tags,
            summary: `The machine is ${standing === 'new' ? 'an ordinary stranger again' : `${standing}: no boot answer`}`,
            params,
            response: { 200: strangerView },
          },
        },
        async (request) => {
          const { standing: before } = await inbox.get(request.params.mac);
          const found = await inbox.setStanding(request.params.mac, standing);
          request.touched = { kind: 'machine', name: found.mac, before, after: standing };
          return { ...found, facts: { ...found.facts } };
        },
      );
    }

    app.delete(
      '/discovered/:mac',
      { schema: { tags, summary: 'Forget it until it is seen again', params, response: { 204: z.null() } } },
      async (request, reply) => {
        await inbox.forget(request.params.mac);
        request.touched = { kind: 'machine', name: request.params.mac };
        return reply.code(204).send(null);
      },
    );
  };
}

/** `/discovered`: machines that are no host, with all that was learned of them: adopt, ignore, block by one call. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { STANDINGS } from '../../boot/facts.ts';
import { nameSchema } from '../../boot/fields.ts';
import type { ApiDeps, Stranger } from '../api-deps.ts';
import { pageByName } from '../host-search.ts';
import { formatRevision } from '../revision.ts';
import { hostView, macInput, pageOf, pageQuery } from '../views.ts';

const strangerView = z.object({
  mac: z.string(),
  vendor: z.string().optional().describe('Who made its card'),
  architecture: z.string().optional(),
  standing: z.enum(STANDINGS),
  facts: z.record(z.string(), z.unknown()).describe('What it said of itself; it proves nothing'),
  firstSeenAt: z.number().describe('Milliseconds since 1970'),
  lastSeenAt: z.number(),
  times: z.number().describe('Boots, not packets'),
});

const params = z.object({ mac: macInput });
const tags = ['discovered'];

export function discoveredRoutes({ inbox }: Pick<ApiDeps, 'inbox'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/discovered',
      {
        schema: {
          tags,
          summary: 'The inbox: machines that are no host, the last seen first',
          querystring: z.strictObject({
            ...pageQuery,
            standing: z.enum([...STANDINGS, 'all']).optional().describe('Default: new and blocked ones'),
          }),
          response: { 200: pageOf(strangerView) },
        },
      },
      async ({ query: { standing, cursor, limit } }) => {
        const standings = standing === undefined ? undefined : standing === 'all' ? STANDINGS : [standing];
        const found = await inbox.list({ standings });
        // In order of sight: a cursor that counts down keeps its place when a new one comes.
        const named = found.map((one) => ({ name: cursorName(one), one }));
        const page = pageByName(named, cursor, limit);
        return { ...page, items: page.items.map(({ one }) => view(one)) };
      },
    );

    app.get(
      '/discovered/:mac',
      { schema: { tags, summary: 'One machine', params, response: { 200: strangerView } } },
      async (request) => view(await inbox.get(request.params.mac)),
    );

    app.post(
      '/discovered/:mac/adopt',
      {
        schema: {
          tags,
          summary: 'Make a host of it; MAC, UUID and serial are filled in',
          params,
          body: z.strictObject({
            name: nameSchema,
            document: z.record(z.string(), z.unknown()).optional().describe('More of the host: profile, labels, …'),
          }),
          response: { 201: hostView },
        },
      },
      async (request, reply) => {
        const { name, document } = request.body;
        const file = await inbox.adopt(request.params.mac, name, document);
        request.touched = { kind: 'host', name, after: file.revision };
        reply.header('etag', formatRevision(file.revision)).header('location', `/api/v1/hosts/${name}`);
        return reply.code(201).send({ ...file.document, name } as z.output<typeof hostView>);
      },
    );

    for (const [verb, standing, summary] of [
      ['ignore', 'ignored', 'No boot answer, and not shown any more'],
      ['block', 'blocked', 'No boot answer, and shown as blocked'],
      ['restore', 'new', 'As if it were seen for the first time'],
    ] as const) {
      app.post(
        `/discovered/:mac/${verb}`,
        { schema: { tags, summary, params, response: { 200: strangerView } } },
        async (request) => {
          const { mac } = request.params;
          const before = await inbox.get(mac);
          const after = await inbox.setStanding(mac, standing);
          request.touched = { kind: 'machine', name: mac, before: before.standing, after: after.standing };
          return view(after);
        },
      );
    }

    app.delete(
      '/discovered/:mac',
      { schema: { tags, summary: 'Forget it until it is seen again', params, response: { 204: z.null() } } },
      async (request, reply) => {
        const { mac } = request.params;
        await inbox.forget(mac);
        request.touched = { kind: 'machine', name: mac };
        return reply.code(204).send(null);
      },
    );
  };
}

function view({ mac, vendor, architecture, standing, facts, firstSeenAt, lastSeenAt, times }: Stranger) {
  return { mac, vendor, architecture, standing, facts: { ...facts }, firstSeenAt, lastSeenAt, times };
}

/** Sorts the last seen first. */
function cursorName({ lastSeenAt, mac }: Stranger): string {
  return `${String(Number.MAX_SAFE_INTEGER - lastSeenAt).padStart(16, '0')} ${mac}`;
}

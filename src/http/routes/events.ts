/** `/events`: what happens to machines, as a list or as a stream that can be resumed. */
import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EVENT_KINDS, type EventKind } from '../../boot/event.ts';
import { adviseName } from '../../net/nearest.ts';
import type { ApiDeps, EventAccess, EventFilter, EventRange } from '../api-deps.ts';
import { openEventStream } from '../event-stream.ts';
import type { OpenStreams } from '../open-streams.ts';
import { eventView, macInput, pageOf } from '../views.ts';

const FAMILIES = [...new Set(EVENT_KINDS.map((kind) => kind.slice(0, kind.indexOf('.'))))];

const kinds = z.string().transform((text, context): EventKind[] =>
  text.split(',').flatMap((word) => {
    const found = EVENT_KINDS.filter((kind) => kind === word || kind.startsWith(`${word}.`));
    if (found.length === 0) {
      const advice = adviseName(word, [...FAMILIES, ...EVENT_KINDS]);
      context.addIssue({ code: 'custom', message: `"${word}" is no kind of event. ${advice}` });
    }
    return found;
  }),
);

const querystring = z.strictObject({
  format: z.enum(['stream', 'json']).default('stream'),
  mac: macInput.optional(),
  host: z.string().optional(),
  kind: kinds.optional().describe('dhcp.offer, or dhcp for all of DHCP; several with commas'),
  after: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Only events after this id; a stream takes Last-Event-ID too'),
  cursor: z
    .string()
    .regex(/^(?:after|before)-\d{1,16}$/, 'a cursor is "next" of the page before')
    .optional()
    .describe('"next" of the page before, of a list; goes before "after"'),
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Of a list'),
});

type Deps = Pick<ApiDeps, 'events' | 'heartbeatMs'> & { readonly streams: Pick<OpenStreams, 'add'> };

export function eventRoutes({ events, streams, heartbeatMs = 15_000 }: Deps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/events',
      {
        // A HEAD would follow a stream that nobody reads and nobody ends.
        exposeHeadRoute: false,
        schema: {
          tags: ['events'],
          summary: 'Events as server-sent events, or as a list with format=json',
          querystring,
          headers: z.looseObject({ 'last-event-id': z.string().optional() }),
          response: {
            200: {
              description: 'A stream of events, or a list',
              content: {
                'text/event-stream': { schema: z.custom<Readable>() },
                'application/json': { schema: pageOf(eventView) },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const { format, mac, host, kind, after, cursor, limit } = request.query;
        const filter = { mac, host, kinds: kind };
        if (format === 'json') {
          return reply.send(await listPage(events, filter, cursor === undefined ? { after } : rangeOf(cursor), limit));
        }
        const lastSeen = Number.parseInt(request.headers['last-event-id'] ?? '', 10);
        const stream = openEventStream(events, {
          filter,
          after: Number.isNaN(lastSeen) ? after : lastSeen,
          heartbeatMs,
        });
        streams.add(stream, request.isStillLetIn ?? (async () => false));
        // `x-accel-buffering`: a proxy in front must not collect events before it passes them on.
        reply.type('text/event-stream; charset=utf-8').header('x-accel-buffering', 'no');
        return reply.send(stream);
      },
    );
  };
}

/** From an id on, or without one from the newest back: `next` goes on in the same direction. */
async function listPage(
  events: Pick<EventAccess, 'list'>,
  filter: EventFilter,
  range: Omit<EventRange, 'limit'>,
  limit: number,
): Promise<{ items: z.output<typeof eventView>[]; next?: string }> {
  const found = await events.list({ ...filter, ...range, limit: limit + 1 });
  const more = found.length > limit;
  const items = (range.after === undefined ? found.slice(more ? 1 : 0) : found.slice(0, limit)).map((one) => ({
    ...one,
  }));
  const edge = range.after === undefined ? items[0] : items.at(-1);
  return { items, ...(more && edge && { next: `${range.after === undefined ? 'before' : 'after'}-${edge.id}` }) };
}

function rangeOf(cursor: string): Omit<EventRange, 'limit'> {
  const [direction, id] = cursor.split('-');
  return direction === 'after' ? { after: Number(id) } : { before: Number(id) };
}

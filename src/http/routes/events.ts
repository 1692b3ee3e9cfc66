/** `/events`: what happens to machines, as a list or as a stream that can be resumed. */
import type { Readable } from 'node:stream';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EVENT_KINDS, type EventKind } from '../../boot/event.ts';
import { adviseName } from '../../net/nearest.ts';
import type { ApiDeps } from '../api-deps.ts';
import { openEventStream } from '../event-stream.ts';
import { eventView, macInput } from '../views.ts';

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
  limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Of a list'),
});

type Deps = Pick<ApiDeps, 'events' | 'heartbeatMs'>;

export function eventRoutes({ events, heartbeatMs = 15_000 }: Deps): FastifyPluginAsyncZod {
  return async (app) => {
    const streams = new Set<Readable>();
    app.addHook('preClose', async () => {
      for (const stream of streams) stream.destroy();
    });

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
                'application/json': { schema: z.object({ items: z.array(eventView) }) },
              },
            },
          },
        },
      },
      async (request, reply) => {
        const { format, mac, host, kind, after, limit } = request.query;
        const filter = { mac, host, kinds: kind };
        if (format === 'json') {
          const items = await events.list({ ...filter, after, limit });
          return reply.send({ items: items.map((event) => ({ ...event })) });
        }
        const lastSeen = Number.parseInt(request.headers['last-event-id'] ?? '', 10);
        const stream = openEventStream(events, {
          filter,
          after: Number.isNaN(lastSeen) ? after : lastSeen,
          heartbeatMs,
        });
        streams.add(stream);
        stream.once('close', () => streams.delete(stream));
        // `x-accel-buffering`: a proxy in front must not collect events before it passes them on.
        reply.type('text/event-stream; charset=utf-8').header('x-accel-buffering', 'no');
        return reply.send(stream);
      },
    );
  };
}

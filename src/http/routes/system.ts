/** `/status`, `/healthz`, `/readyz`, `/metrics`: how the appliance itself is doing. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { ApiDeps } from '../api-deps.ts';
import { createMetricsText } from '../metrics.ts';
import { problemPartView } from '../problem-document.ts';

const tags = ['system'];
const open = { security: [] };

const statusView = z.object({
  version: z.string(),
  now: z.number(),
  startedAt: z.number(),
  notReady: z.array(z.string()),
  doors: z.array(
    z.object({
      name: z.string(),
      address: z.string(),
      port: z.number(),
      interface: z.string().optional(),
      maker: z.string().optional(),
      failed: z.string().optional(),
    }),
  ),
  objects: z.object({ hosts: z.number(), profiles: z.number(), networks: z.number() }),
  problems: z.array(problemPartView),
  counters: z.record(z.string(), z.number()).describe('Sums over all labels; /metrics has them apart, and the times'),
  token: z.object({ name: z.string(), role: z.string() }).describe('Whose token this is'),
});

type StatusDeps = Pick<ApiDeps, 'inventory' | 'status' | 'counters' | 'version' | 'now'>;

export function statusRoutes({ inventory, status, counters, version, now }: StatusDeps): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/status',
      { schema: { tags, summary: 'Version, doors, problems, counters', response: { 200: statusView } } },
      async (request) => {
        const { startedAt, doors, notReady } = status();
        const { hosts, profiles, networks } = inventory.snapshot();
        const sums = counters().flatMap((metric) =>
          metric.kind === 'histogram' ? [] : [[metric.name, metric.samples.reduce((sum, { value }) => sum + value, 0)]],
        );
        return {
          version,
          now: now(),
          startedAt,
          notReady: [...notReady],
          doors: [...doors],
          objects: { hosts: hosts.size, profiles: profiles.size, networks: networks.size },
          problems: [...inventory.problems()],
          counters: Object.fromEntries(sums),
          token: request.operator ?? { name: '', role: '' },
        };
      },
    );
  };
}

/** For process supervisors, which have no token and learn nothing but yes or no. */
export function healthRoutes({ status }: Pick<ApiDeps, 'status'>): FastifyPluginAsyncZod {
  const view = z.object({ ok: z.boolean() });
  return async (app) => {
    app.get(
      '/healthz',
      { schema: { tags, ...open, summary: 'Does the process answer?', response: { 200: view } } },
      async () => ({ ok: true }),
    );
    app.get(
      '/readyz',
      { schema: { tags, ...open, summary: 'Can machines boot?', response: { 200: view, 503: view } } },
      async (_request, reply) => {
        const ok = status().notReady.length === 0;
        return reply.code(ok ? 200 : 503).send({ ok });
      },
    );
  };
}

export function metricRoutes(deps: Pick<ApiDeps, 'counters' | 'processMetrics'>): FastifyPluginAsyncZod {
  const text = createMetricsText(deps.processMetrics ?? true);
  return async (app) => {
    app.get(
      '/metrics',
      { schema: { tags, summary: 'Counters and times in Prometheus text format' } },
      async (_request, reply) => reply.type(text.contentType).send(await text.read(deps.counters())),
    );
  };
}

/** `/hosts`: who the machines are, found by name or MAC, by words, labels and profile. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { hostSchema } from '../../boot/host.ts';
import type { ApiDeps } from '../api-deps.ts';
import { findHostById, pageByName, searchHosts } from '../host-search.ts';
import { hostView, nextView, pageOf, pageQuery, viewHost } from '../views.ts';
import { objectRoutes } from './objects.ts';

const query = z.strictObject({
  q: z.string().max(200).optional().describe('Part of a name, MAC, address, serial, label or note'),
  label: z
    .union([z.string(), z.array(z.string()).max(20)])
    .optional()
    .describe('rack=a1, or rack for any value; may be repeated'),
  profile: z.string().optional(),
  ...pageQuery,
});

export function hostRoutes(deps: Pick<ApiDeps, 'inventory' | 'nextOf'>): FastifyPluginAsyncZod {
  const { inventory, nextOf } = deps;
  return async (app) => {
    app.get(
      '/hosts',
      {
        schema: {
          tags: ['hosts'],
          summary: 'List hosts',
          querystring: query,
          response: { 200: pageOf(hostView.extend({ next: nextView })) },
        },
      },
      async ({ query: { q, label, profile, cursor, limit } }) => {
        const labels = typeof label === 'string' ? [label] : label;
        const page = pageByName(searchHosts(inventory.snapshot(), { q, labels, profile }), cursor, limit);
        return { ...page, items: page.items.map((host) => ({ ...viewHost(host), next: nextOf(host) })) };
      },
    );

    objectRoutes(app, deps, {
      kind: 'host',
      plural: 'hosts',
      schema: hostSchema,
      view: hostView,
      names: () => inventory.snapshot().hosts.keys(),
      nameOf: (id) => findHostById(inventory.snapshot(), id)?.name,
      idHint: 'Its name, or any of its MACs in any form',
    });
  };
}

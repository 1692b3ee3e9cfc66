/** `/leases`: addresses given out, with the host each belongs to. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ipv4ToNumber } from '../../net/ipv4.ts';
import type { ApiDeps } from '../api-deps.ts';
import { pageByName } from '../host-search.ts';
import { leaseView, pageOf, pageQuery } from '../views.ts';

const querystring = z.strictObject({
  network: z.string().optional(),
  active: z.stringbool().optional().describe('Only those bound and not expired, or only the others'),
  ...pageQuery,
});

export function leaseRoutes({
  inventory,
  leases,
  now,
}: Pick<ApiDeps, 'inventory' | 'leases' | 'now'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/leases',
      { schema: { tags: ['leases'], summary: 'List leases', querystring, response: { 200: pageOf(leaseView) } } },
      async ({ query: { network, active, cursor, limit } }) => {
        const { hostByMac } = inventory.snapshot();
        const at = now();
        const named = leases()
          .filter((lease) => network === undefined || lease.network === network)
          .filter((lease) => active === undefined || active === (lease.state === 'bound' && lease.expiresAt > at))
          // A fixed-width number makes the order of names the order of addresses.
          .map((lease) => ({
            name: `${lease.network} ${String(ipv4ToNumber(lease.address)).padStart(10, '0')}`,
            lease,
          }))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
        const page = pageByName(named, cursor, limit);
        return { ...page, items: page.items.map(({ lease }) => ({ ...lease, host: hostByMac.get(lease.mac)?.name })) };
      },
    );
  };
}

/** `/leases`: addresses given out, with the host each belongs to. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { type Ipv4, ipv4ToNumber } from '../../net/ipv4.ts';
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
  freeLease,
  now,
}: Pick<ApiDeps, 'inventory' | 'leases' | 'freeLease' | 'now'>): FastifyPluginAsyncZod {
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

    app.delete(
      '/leases/:network/:address',
      {
        schema: {
          tags: ['leases'],
          summary: 'End a lease, or the quarantine of an address that was declined',
          description:
            'The machine is not told: it keeps the address until it asks again. End leases of machines that are gone.',
          params: z.object({ network: z.string().min(1).max(64), address: z.ipv4() }),
          response: { 204: z.null() },
        },
      },
      async (request, reply) => {
        const { network, address } = request.params;
        const freed = await freeLease(network, address as Ipv4);
        if (!freed)
          throw new AppError('not-found', `${address} of network "${network}" has no lease and no quarantine.`);
        request.touched = { kind: 'lease', name: `${network} ${address}` };
        return reply.code(204).send(null);
      },
    );
  };
}

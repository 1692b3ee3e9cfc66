/** `/leases`: addresses given out, with the host each belongs to. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Lease } from '../../boot/lease.ts';
import { AppError } from '../../errors.ts';
import { type Ipv4, parseIpv4 } from '../../net/ipv4.ts';
import type { ApiDeps } from '../api-deps.ts';
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
}: Pick<ApiDeps, 'inventory' | 'leases' | 'freeLease'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/leases',
      { schema: { tags: ['leases'], summary: 'List leases', querystring, response: { 200: pageOf(leaseView) } } },
      async ({ query: { network, active, cursor, limit } }) => {
        const { hostByMac } = inventory.snapshot();
        const after = cursor === undefined ? undefined : readCursor(cursor);
        const found = leases({ network, active, after, limit: limit + 1 });
        const items = found.slice(0, limit);
        const last = items.at(-1);
        return {
          items: items.map((lease) => ({ ...lease, host: hostByMac.get(lease.mac)?.name })),
          ...(last && found.length > limit && { next: writeCursor(last) }),
        };
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

/** After which lease to go on, so that what ends or begins between two pages loses nothing. */
function writeCursor({ network, address }: Pick<Lease, 'network' | 'address'>): string {
  return Buffer.from(`${network} ${address}`).toString('base64url');
}

/** @throws AppError `request-invalid` */
function readCursor(cursor: string): Pick<Lease, 'network' | 'address'> {
  const [network = '', text = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const address = parseIpv4(text);
  if (!address) throw new AppError('request-invalid', 'cursor: it is not the "next" of a page of leases');
  return { network, address };
}

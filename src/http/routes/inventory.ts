/** `/profiles`, `/networks`: what machines get and where; read here, written in the files. `/reload` reads those anew. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import { adviseName } from '../../net/nearest.ts';
import type { ApiDeps } from '../api-deps.ts';
import { byName, pageByName } from '../host-search.ts';
import { problemPartView } from '../problem-document.ts';
import { networkView, pageOf, pageQuery, profileView, viewNetwork, viewProfile } from '../views.ts';

const params = z.object({ name: z.string().min(1).max(64) });
const querystring = z.strictObject(pageQuery);

export function inventoryRoutes({ inventory }: Pick<ApiDeps, 'inventory'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/profiles',
      { schema: { tags: ['profiles'], summary: 'List profiles', querystring, response: { 200: pageOf(profileView) } } },
      async ({ query: { cursor, limit } }) => {
        const { profiles, hosts } = inventory.snapshot();
        const used = Map.groupBy(hosts.values(), (host) => host.profile);
        const page = pageByName([...profiles.values()].sort(byName), cursor, limit);
        return {
          ...page,
          items: page.items.map((profile) => viewProfile(profile, used.get(profile.name)?.length ?? 0)),
        };
      },
    );

    app.get(
      '/profiles/:name',
      { schema: { tags: ['profiles'], summary: 'Read a profile', params, response: { 200: profileView } } },
      async ({ params: { name } }) => {
        const { profiles, hosts } = inventory.snapshot();
        const profile = profiles.get(name) ?? absent('profile', name, profiles);
        return viewProfile(profile, [...hosts.values()].filter((host) => host.profile === name).length);
      },
    );

    app.get(
      '/networks',
      { schema: { tags: ['networks'], summary: 'List networks', querystring, response: { 200: pageOf(networkView) } } },
      async ({ query: { cursor, limit } }) => {
        const page = pageByName([...inventory.snapshot().networks.values()].sort(byName), cursor, limit);
        return { ...page, items: page.items.map(viewNetwork) };
      },
    );

    app.get(
      '/networks/:name',
      { schema: { tags: ['networks'], summary: 'Read a network', params, response: { 200: networkView } } },
      async ({ params: { name } }) => {
        const { networks } = inventory.snapshot();
        return viewNetwork(networks.get(name) ?? absent('network', name, networks));
      },
    );

    app.post(
      '/reload',
      {
        schema: {
          tags: ['system'],
          summary: 'Read profiles and templates anew; with errors the last good state stays in use',
          response: { 200: z.object({ applied: z.boolean(), problems: z.array(problemPartView) }) },
        },
      },
      async () => ({ applied: await inventory.reload(), problems: [...inventory.problems()] }),
    );
  };
}

function absent(kind: string, name: string, known: ReadonlyMap<string, unknown>): never {
  throw new AppError('not-found', `There is no ${kind} "${name}". ${adviseName(name, [...known.keys()])}`.trim());
}

/** `/profiles`, `/groups`, `/networks`: what machines get, and where. `/reload` reads those anew. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { groupSchema } from '../../boot/group.ts';
import { networkSchema } from '../../boot/network.ts';
import { profileSchema } from '../../boot/profile.ts';
import { quirkSchema } from '../../boot/quirk.ts';
import type { ApiDeps } from '../api-deps.ts';
import { byName, pageByName } from '../host-search.ts';
import { problemPartView } from '../problem-document.ts';
import {
  groupView,
  networkView,
  pageOf,
  pageQuery,
  profileView,
  viewGroup,
  viewNetwork,
  viewProfile,
} from '../views.ts';
import { objectRoutes } from './objects.ts';

const querystring = z.strictObject(pageQuery);

const quirkView = z.looseObject({ name: z.string() });
const strategyView = z.object({
  key: z.string().describe('A MAC, or "firmware …" for all machines alike'),
  strategy: z.enum(['a', 'b']).describe('a: the file follows on port 4011; b: the offer names it'),
  at: z.number().describe('When it worked, in milliseconds since 1970'),
});

export function inventoryRoutes(deps: Pick<ApiDeps, 'inventory' | 'strategies'>): FastifyPluginAsyncZod {
  const { inventory, strategies } = deps;
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

    objectRoutes(app, deps, {
      kind: 'profile',
      plural: 'profiles',
      schema: profileSchema,
      view: z.looseObject({ name: z.string() }),
      names: () => inventory.snapshot().profiles.keys(),
    });

    app.get(
      '/groups',
      { schema: { tags: ['groups'], summary: 'List groups', querystring, response: { 200: pageOf(groupView) } } },
      async ({ query: { cursor, limit } }) => {
        const { groups, hosts } = inventory.snapshot();
        const page = pageByName([...groups].sort(byName), cursor, limit);
        return { ...page, items: page.items.map((group) => viewGroup(group, hosts.values())) };
      },
    );

    objectRoutes(app, deps, {
      kind: 'group',
      plural: 'groups',
      schema: groupSchema,
      view: z.looseObject({ name: z.string() }),
      names: () => inventory.snapshot().groups.map(({ name }) => name),
    });

    app.get(
      '/networks',
      { schema: { tags: ['networks'], summary: 'List networks', querystring, response: { 200: pageOf(networkView) } } },
      async ({ query: { cursor, limit } }) => {
        const page = pageByName([...inventory.snapshot().networks.values()].sort(byName), cursor, limit);
        return { ...page, items: page.items.map(viewNetwork) };
      },
    );

    objectRoutes(app, deps, {
      kind: 'network',
      plural: 'networks',
      schema: networkSchema,
      view: z.looseObject({ name: z.string() }),
      names: () => inventory.snapshot().networks.keys(),
    });

    app.get(
      '/quirks',
      { schema: { tags: ['quirks'], summary: 'List quirks', querystring, response: { 200: pageOf(quirkView) } } },
      async ({ query: { cursor, limit } }) => pageByName([...inventory.snapshot().quirks].sort(byName), cursor, limit),
    );

    objectRoutes(app, deps, {
      kind: 'quirk',
      plural: 'quirks',
      schema: quirkSchema,
      view: quirkView,
      names: () => inventory.snapshot().quirks.map(({ name }) => name),
    });

    app.get(
      '/strategies',
      {
        schema: {
          tags: ['quirks'],
          summary: 'How proxying worked, by machine and by kind of firmware',
          response: { 200: z.object({ items: z.array(strategyView) }) },
        },
      },
      async () => ({ items: [...strategies()] }),
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

/** `/explain` and `/hosts/{id}/files/…`: what a machine would get, without a machine. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { Host } from '../../boot/host.ts';
import { LEVELS } from '../../boot/precedence.ts';
import { AppError } from '../../errors.ts';
import { parseMac } from '../../net/mac.ts';
import type { ApiDeps } from '../api-deps.ts';
import { findHostById, noSuchHost } from '../host-search.ts';
import { sendContent } from '../send.ts';
import { macInput, nextView } from '../views.ts';

const facts = z.strictObject({
  mac: macInput,
  arch: z
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('DHCP option 93: 0 is BIOS, 7 x64 UEFI, 16 x64 UEFI HTTP'),
  vendorClass: z.string().max(255).optional().describe('DHCP option 60; by default what the architecture would send'),
  userClass: z.string().max(255).optional().describe('DHCP option 77: "iPXE" for iPXE'),
  uuid: z.string().max(36).optional(),
  network: z.string().optional().describe('Name of the network it asks on; by default the only one'),
});

const source = z.object({
  level: z.enum([...LEVELS, 'quirk']),
  name: z.string().optional().describe('Of the object; absent for the settings and quirks'),
});

const explanation = z.object({
  decision: z.object({ kind: z.string(), reason: z.string() }),
  host: z.string().optional(),
  profile: z.string().optional(),
  rules: z.array(z.object({ rule: z.string(), matched: z.boolean(), because: z.string() })),
  values: z
    .array(z.object({ field: z.string(), value: z.unknown(), origin: source, over: z.array(source) }))
    .describe('What is written for it, with the place each value comes from and those it prevails over'),
  answer: z.string().describe('How DHCP answers, or why it does not'),
  request: z.array(z.string()).describe('What it was asked, in words'),
  reply: z
    .object({
      words: z.array(z.string()),
      hex: z.string(),
      sentTo: z.string(),
      notes: z.array(z.string()),
      routerWait: z
        .object({ end: z.boolean(), because: z.string() })
        .optional()
        .describe('Of an iPXE: whether its wait for an IPv6 router is ended'),
    })
    .optional(),
});

const pathView = z.object({
  path: z.string(),
  kind: z.enum(['template', 'image', 'absent']),
  from: z.string().describe('The template, or the file under boot-images/'),
  when: z.enum(['now', 'later']).describe('later: once its profile is served'),
  size: z.number().optional(),
  because: z.string().optional().describe('Why there is nothing'),
});

type Deps = Pick<ApiDeps, 'inventory' | 'explain' | 'render' | 'nextOf' | 'pathsOf'>;

export function explainRoutes({ inventory, explain, render, nextOf, pathsOf }: Deps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/explain',
      {
        schema: {
          tags: ['explain'],
          summary: 'What would DHCP answer a machine with these facts, and why?',
          body: facts,
          response: { 200: explanation },
        },
      },
      async ({ body }) => {
        const { rules, values, reply, request, ...rest } = await explain(body);
        const listed = {
          request: [...request],
          rules: [...rules],
          values: values.map(({ over, ...value }) => ({ ...value, over: [...over] })),
        };
        return {
          ...rest,
          ...listed,
          ...(reply && { reply: { ...reply, words: [...reply.words], notes: [...reply.notes] } }),
        };
      },
    );

    const params = z.object({ id: z.string().min(1).max(64) });
    const hostNamed = (id: string): Host => {
      const host = findHostById(inventory.snapshot(), id);
      if (!host) throw noSuchHost(inventory.snapshot(), id);
      return host;
    };

    app.get(
      '/hosts/:id/next',
      {
        schema: {
          tags: ['explain'],
          summary: 'What does this host boot next, and why?',
          params,
          response: { 200: z.object({ host: z.string(), ...nextView.shape }) },
        },
      },
      async (request) => {
        const host = hostNamed(request.params.id);
        return { host: host.name, ...nextOf(host) };
      },
    );

    app.get(
      '/hosts/:id/files',
      {
        schema: {
          tags: ['explain'],
          summary: 'The paths this host would ask for, and what is there',
          params,
          response: { 200: z.object({ host: z.string(), items: z.array(pathView) }) },
        },
      },
      async (request) => {
        const host = hostNamed(request.params.id);
        return { host: host.name, items: (await pathsOf(host)).map((one) => ({ ...one })) };
      },
    );

    app.get(
      '/hosts/:id/files/*',
      {
        schema: {
          tags: ['explain'],
          summary: 'What would this host, or the machine with this MAC, get under a path?',
          params: z.object({ id: z.string().min(1).max(64), '*': z.string().min(1) }),
        },
      },
      async (request, reply) => {
        const { id, '*': path } = request.params;
        const catalog = inventory.snapshot();
        const name = findHostById(catalog, id)?.name ?? parseMac(id);
        if (name === undefined) throw noSuchHost(catalog, id);
        const outcome = await render(name, path);
        if (outcome.kind === 'absent')
          throw new AppError('file-absent', `"${name}" gets no "${path}": ${outcome.reason}.`);
        if (outcome.kind === 'refused')
          throw new AppError('file-refused', `"${path}" is not served: ${outcome.reason}.`);
        try {
          reply.hijack();
          for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value ?? []);
          reply.raw.writeHead(200, {
            // Somebody's HTML must not become a page of ours.
            'content-security-policy': "sandbox; default-src 'none'",
            'content-type': outcome.contentType,
            'content-length': outcome.size,
            'hobnail-origin': encodeURI(outcome.origin),
          });
          await sendContent(reply.raw, outcome, 0, outcome.size, () => 1);
        } catch (error) {
          // The head is out: only a cut connection can say that the rest will not come.
          reply.raw.destroy();
          request.log.debug({ err: error }, 'a preview was given up');
        } finally {
          await outcome.close();
        }
      },
    );
  };
}

/** `/deployments`: who may install, until when, and how it went. */
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { DEPLOYMENT_STATES, type Deployment, endOf, SPEND_POINTS } from '../../boot/deployment.ts';
import { nameSchema, varsSchema } from '../../boot/fields.ts';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { findHostById, noSuchHost } from '../host-search.ts';
import type { Operator } from '../login.ts';

const tags = ['deployments'];
const params = z.object({ id: z.string().min(1).max(64) });

const orderFields = {
  profile: nameSchema.optional().describe('Default: the profile the host is assigned'),
  attempts: z.number().int().min(1).max(20).optional().describe('Boots that may install; default 1'),
  minutes: z.number().int().min(1).max(43_200).optional().describe('No attempt begins later; default 240'),
  spendOn: z
    .enum(SPEND_POINTS)
    .optional()
    .describe('When an attempt is used up; default: "answer" when the profile has answer files, else "callback"'),
  loop: z
    .strictObject({ boots: z.number().int().min(1).max(100), minutes: z.number().int().min(1).max(1440) })
    .optional()
    .describe('More boots than that within the time trip the breaker; default 4 in 30 minutes'),
  vars: varsSchema.optional().describe('The last word on variables, for this deployment only'),
  draft: z.boolean().optional().describe('Only make it; arm it later'),
};
const order = z.strictObject({ host: z.string().min(1).max(64).describe('Name, or any of its MACs'), ...orderFields });
const hostOrder = z.strictObject(orderFields);

const deploymentView = z.object({
  id: z.string(),
  host: z.string(),
  profile: z.string(),
  destructive: z.boolean().describe('Whether that profile writes to disks'),
  revision: z.string().describe('Of the profile it is pinned to'),
  templates: z.string().optional().describe('Hash of the templates it is pinned to: the same, the same texts'),
  state: z.enum(DEPLOYMENT_STATES),
  attempts: z.number(),
  spent: z.number(),
  spendOn: z.enum(SPEND_POINTS),
  deadline: z.number().describe('Milliseconds since 1970'),
  endsAt: z.number().describe('When an installation under way is given up'),
  boots: z.number(),
  loop: z.object({ boots: z.number(), minutes: z.number() }),
  vars: varsSchema,
  createdAt: z.number(),
  createdBy: z.string(),
  history: z.array(
    z.object({ state: z.enum(DEPLOYMENT_STATES), at: z.number(), reason: z.string(), event: z.string() }),
  ),
  log: z.string().optional().describe('What the machine sent with its last callback'),
});

const ending = z.strictObject({
  outcome: z.enum(['succeeded', 'failed', 'cancelled']),
  reason: z.string().min(1).max(500).optional(),
});

type Deps = Pick<ApiDeps, 'deployments' | 'inventory'>;

export function deploymentRoutes({ deployments, inventory }: Deps): FastifyPluginAsyncZod {
  const by = (operator: Operator | null) => operator?.name ?? 'nobody';
  const hostNamed = (id: string): string => {
    const host = findHostById(inventory.snapshot(), id);
    if (!host) throw noSuchHost(inventory.snapshot(), id);
    return host.name;
  };
  const touch = (request: FastifyRequest, { id, host, profile, state }: Deployment, before?: string) => {
    request.touched = { kind: 'deployment', name: `${id} of ${host}, profile ${profile.name}`, before, after: state };
  };

  return async (app) => {
    app.get(
      '/deployments',
      {
        schema: {
          tags,
          summary: 'List deployments, the newest first',
          querystring: z.strictObject({
            host: z.string().max(64).optional(),
            state: z.union([z.enum(DEPLOYMENT_STATES), z.array(z.enum(DEPLOYMENT_STATES))]).optional(),
            cursor: z.string().max(64).optional().describe('`next` of the page before'),
            limit: z.coerce.number().int().min(1).max(1000).default(100),
          }),
          response: { 200: z.object({ items: z.array(deploymentView), next: z.string().optional() }) },
        },
      },
      async ({ query: { host, state, cursor, limit } }) => {
        const states = typeof state === 'string' ? [state] : state;
        const found = await deployments.list({ host, states, before: cursor, limit: limit + 1 });
        const items = found.slice(0, limit);
        const next = found.length > limit ? items.at(-1)?.id : undefined;
        return { items: items.map(viewOf), ...(next !== undefined && { next }) };
      },
    );

    app.get(
      '/deployments/:id',
      { schema: { tags, summary: 'Read a deployment with its history', params, response: { 200: deploymentView } } },
      async (request) => viewOf(await deployments.get(request.params.id)),
    );

    app.post(
      '/deployments',
      { schema: { tags, summary: 'Arm a host', body: order, response: { 201: deploymentView } } },
      async (request, reply) => {
        const { host } = request.body;
        const made = await deployments.arm({ ...request.body, host: hostNamed(host) }, by(request.operator));
        touch(request, made);
        return reply.code(201).header('location', `/api/v1/deployments/${made.id}`).send(viewOf(made));
      },
    );

    app.post(
      '/deployments/:id/arm',
      { schema: { tags, summary: 'Arm a draft', params, response: { 200: deploymentView } } },
      async (request) => {
        const armed = await deployments.armDraft(request.params.id, by(request.operator));
        touch(request, armed, 'draft');
        return viewOf(armed);
      },
    );

    app.post(
      '/deployments/:id/end',
      {
        schema: {
          tags,
          summary: 'Cancel it, or say how it went where the machine cannot',
          params,
          body: ending,
          response: { 200: deploymentView },
        },
      },
      async (request) => {
        const { outcome, reason } = request.body;
        const done = await deployments.finish(request.params.id, outcome, by(request.operator), reason);
        touch(request, done);
        return viewOf(done);
      },
    );

    app.post(
      '/hosts/:id/arm',
      {
        schema: {
          tags,
          summary: 'Arm a host, by name or MAC',
          params,
          body: hostOrder.nullish(),
          response: { 201: deploymentView },
        },
      },
      async (request, reply) => {
        const host = hostNamed(request.params.id);
        const made = await deployments.arm({ ...request.body, host }, by(request.operator));
        touch(request, made);
        return reply.code(201).header('location', `/api/v1/deployments/${made.id}`).send(viewOf(made));
      },
    );

    app.post(
      '/hosts/:id/disarm',
      { schema: { tags, summary: "Cancel a host's deployment", params, response: { 200: deploymentView } } },
      async (request) => {
        const host = hostNamed(request.params.id);
        const found = deployments.find(host);
        if (!found) throw new AppError('not-found', `Host "${host}" is not armed.`);
        const done = await deployments.finish(found.id, 'cancelled', by(request.operator));
        touch(request, done, found.state);
        return viewOf(done);
      },
    );
  };
}

function viewOf(deployment: Deployment): z.output<typeof deploymentView> {
  const { profile, boot, bootsAt: _, macs: __, history, ...rest } = deployment;
  return {
    ...rest,
    profile: profile.name,
    destructive: profile.destructive,
    revision: profile.revision,
    boots: boot,
    endsAt: endOf(deployment),
    history: [...history],
  };
}

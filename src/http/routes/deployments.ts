/** `/deployments`: who may install, until when, and how it went. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { DEPLOYMENT_STATES, type Deployment, endOf, SPEND_POINTS } from '../../boot/deployment.ts';
import { nameSchema, varsSchema } from '../../boot/fields.ts';
import type { ApiDeps } from '../api-deps.ts';
import type { Operator } from '../login.ts';

const tags = ['deployments'];
const params = z.object({ id: z.string().min(1).max(64) });

const order = z.strictObject({
  host: nameSchema,
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
});

const deploymentView = z.object({
  id: z.string(),
  host: z.string(),
  profile: z.string(),
  revision: z.string().describe('Of the profile it is pinned to'),
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

type Deps = Pick<ApiDeps, 'deployments' | 'log'>;

export function deploymentRoutes({ deployments, log }: Deps): FastifyPluginAsyncZod {
  const tell = ({ id, host, profile }: Deployment, done: string, operator: Operator | null) =>
    log.info({ host, deployment: id, profile: profile.name, operator: operator?.name }, `deployment ${done} by API`);
  const by = (operator: Operator | null) => operator?.name ?? 'nobody';

  return async (app) => {
    app.get(
      '/deployments',
      {
        schema: {
          tags,
          summary: 'List deployments, the newest first',
          querystring: z.strictObject({
            host: nameSchema.optional(),
            state: z.union([z.enum(DEPLOYMENT_STATES), z.array(z.enum(DEPLOYMENT_STATES))]).optional(),
            cursor: z.string().max(64).optional().describe('`next` of the page before'),
            limit: z.coerce.number().int().min(1).max(1000).default(100),
          }),
          response: { 200: z.object({ items: z.array(deploymentView), next: z.string().nullable() }) },
        },
      },
      async ({ query: { host, state, cursor, limit } }) => {
        const states = typeof state === 'string' ? [state] : state;
        const found = await deployments.list({ host, states, before: cursor, limit: limit + 1 });
        const items = found.slice(0, limit);
        return { items: items.map(viewOf), next: found.length > limit ? (items.at(-1)?.id ?? null) : null };
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
        const made = await deployments.arm(request.body, by(request.operator));
        tell(made, made.state === 'draft' ? 'drafted' : 'armed', request.operator);
        return reply.code(201).header('location', `/api/v1/deployments/${made.id}`).send(viewOf(made));
      },
    );

    app.post(
      '/deployments/:id/arm',
      { schema: { tags, summary: 'Arm a draft', params, response: { 200: deploymentView } } },
      async (request) => {
        const armed = await deployments.armDraft(request.params.id, by(request.operator));
        tell(armed, 'armed', request.operator);
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
        tell(done, outcome, request.operator);
        return viewOf(done);
      },
    );
  };
}

function viewOf(deployment: Deployment): z.output<typeof deploymentView> {
  const { profile, boot, bootsAt: _, history, ...rest } = deployment;
  return {
    ...rest,
    profile: profile.name,
    revision: profile.revision,
    boots: boot,
    endsAt: endOf(deployment),
    history: [...history],
  };
}

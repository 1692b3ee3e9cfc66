/** `/deployments`: the permission to let a profile write to a host's disks: armed, followed, ended. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { DEPLOYMENT_STATES, type Deployment, SPEND_POINTS } from '../../boot/deployment.ts';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { findHostById, noSuchHost } from '../host-search.ts';

const deploymentView = z.object({
  id: z.string(),
  host: z.string(),
  profile: z.object({ name: z.string(), revision: z.string(), destructive: z.boolean() }).describe('As it was when armed'),
  state: z.enum(DEPLOYMENT_STATES),
  attempts: z.number(),
  spent: z.number(),
  spendOn: z.enum(SPEND_POINTS),
  deadline: z.number().describe('Milliseconds since 1970'),
  loop: z.object({ boots: z.number(), minutes: z.number() }),
  boot: z.number().describe('Boots offered so far'),
  vars: z.record(z.string(), z.unknown()),
  createdAt: z.number(),
  createdBy: z.string(),
  history: z.array(z.object({ state: z.enum(DEPLOYMENT_STATES), at: z.number(), reason: z.string(), event: z.string() })),
  log: z.string().optional().describe('What the machine sent with its last callback'),
});

const limits = {
  profile: z.string().max(64).optional().describe('Default: the one the host is assigned'),
  attempts: z.number().int().min(1).max(100).optional().describe('Boots that may install; default 1'),
  minutes: z.number().int().min(1).max(43_200).optional().describe('No attempt begins later; default 240'),
  spendOn: z.enum(SPEND_POINTS).optional(),
  loop: z
    .strictObject({ boots: z.number().int().min(1).max(100), minutes: z.number().int().min(1).max(1440) })
    .optional()
    .describe('More boots within so many minutes trip the breaker; default 4 in 30'),
  vars: z.record(z.string(), z.unknown()).optional().describe('The last word on variables, for this deployment only'),
  draft: z.boolean().optional().describe('Only prepares it; POST …/arm arms it later'),
};
const order = z.strictObject({ host: z.string().min(1).max(64).describe('Name or MAC'), ...limits });
const hostOrder = z.strictObject(limits);
const finish = z.strictObject({
  outcome: z.enum(['succeeded', 'failed', 'cancelled']),
  reason: z.string().max(500).optional(),
});
const params = z.object({ id: z.string().min(1).max(64) });
const querystring = z.strictObject({
  host: z.string().max(64).optional(),
  state: z
    .string()
    .max(200)
    .optional()
    .describe('Several with commas; "active" for all that have not ended')
    .transform((text, context) => statesOf(text, context)),
  cursor: z.string().max(64).optional().describe('"next" of the page before'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

const ACTIVE = DEPLOYMENT_STATES.slice(0, DEPLOYMENT_STATES.indexOf('succeeded'));
const tags = ['deployments'];

type Deps = Pick<ApiDeps, 'deployments' | 'inventory'>;

export function deploymentRoutes({ deployments, inventory }: Deps): FastifyPluginAsyncZod {
  const hostNamed = (id: string): string => {
    const host = findHostById(inventory.snapshot(), id);
    if (!host) throw noSuchHost(inventory.snapshot(), id);
    return host.name;
  };

  return async (app) => {
    app.get(
      '/deployments',
      {
        schema: {
          tags,
          summary: 'List deployments, newest first',
          querystring,
          response: { 200: z.object({ items: z.array(deploymentView), next: z.string().optional() }) },
        },
      },
      async ({ query: { host, state, cursor, limit } }) => {
        const found = await deployments.list({ host, states: state, before: cursor, limit: limit + 1 });
        const page = found.slice(0, limit);
        const next = found.length > limit ? page.at(-1)?.id : undefined;
        return { items: page.map(view), ...(next !== undefined && { next }) };
      },
    );

    app.get(
      '/deployments/:id',
      { schema: { tags, summary: 'Read a deployment with its history', params, response: { 200: deploymentView } } },
      async (request) => view(await deployments.get(request.params.id)),
    );

    app.post(
      '/deployments',
      {
        schema: {
          tags,
          summary: 'Arm a host: its profile may write to its disks, so many times, until a deadline',
          body: order,
          response: { 201: deploymentView },
        },
      },
      async (request, reply) => {
        const made = await deployments.arm({ ...request.body, host: hostNamed(request.body.host) }, whoOf(request));
        request.touched = { kind: 'deployment', name: `${made.id} of ${made.host}`, after: made.state };
        return reply.code(201).header('location', `/api/v1/deployments/${made.id}`).send(view(made));
      },
    );

    app.post(
      '/deployments/:id/arm',
      { schema: { tags, summary: 'Arm a draft', params, response: { 200: deploymentView } } },
      async (request) => {
        const armed = await deployments.armDraft(request.params.id, whoOf(request));
        request.touched = { kind: 'deployment', name: `${armed.id} of ${armed.host}`, before: 'draft', after: armed.state };
        return view(armed);
      },
    );

    app.post(
      '/deployments/:id/finish',
      {
        schema: {
          tags,
          summary: 'End a deployment by your word',
          params,
          body: finish,
          response: { 200: deploymentView },
        },
      },
      async (request) => {
        const { outcome, reason } = request.body;
        const done = await deployments.finish(request.params.id, outcome, whoOf(request), reason);
        request.touched = { kind: 'deployment', name: `${done.id} of ${done.host}`, after: done.state };
        return view(done);
      },
    );

    app.post(
      '/hosts/:id/arm',
      {
        schema: {
          tags,
          summary: 'The same, for a host by name or MAC',
          params,
          body: hostOrder.optional().nullable(),
          response: { 201: deploymentView },
        },
      },
      async (request, reply) => {
        const made = await deployments.arm({ ...request.body, host: hostNamed(request.params.id) }, whoOf(request));
        request.touched = { kind: 'deployment', name: `${made.id} of ${made.host}`, after: made.state };
        return reply.code(201).header('location', `/api/v1/deployments/${made.id}`).send(view(made));
      },
    );

    app.post(
      '/hosts/:id/disarm',
      { schema: { tags, summary: "Cancel a host's deployment", params, response: { 200: deploymentView } } },
      async (request) => {
        const host = hostNamed(request.params.id);
        const found = deployments.find(host);
        if (!found) throw new AppError('not-found', `Host "${host}" is not armed.`);
        const done = await deployments.finish(found.id, 'cancelled', whoOf(request));
        request.touched = { kind: 'deployment', name: `${done.id} of ${done.host}`, before: found.state, after: done.state };
        return view(done);
      },
    );
  };
}

function view({ profile, bootsAt: _bootsAt, history, loop, vars, ...rest }: Deployment): z.output<typeof deploymentView> {
  const { name, revision, destructive } = profile;
  return { ...rest, loop: { ...loop }, vars: { ...vars }, history: [...history], profile: { name, revision, destructive } };
}

function whoOf({ operator }: { readonly operator: { readonly name: string } | null }): string {
  return operator?.name ?? 'nobody';
}

function statesOf(text: string | undefined, context: z.core.$RefinementCtx): Deployment['state'][] | undefined {
  if (text === undefined) return undefined;
  return text.split(',').flatMap((word) => {
    if (word === 'active') return ACTIVE;
    const state = DEPLOYMENT_STATES.find((one) => one === word);
    if (state) return [state];
    context.addIssue({ code: 'custom', message: `"${word}" is no state; there are active, ${DEPLOYMENT_STATES.join(', ')}` });
    return [];
  });
}

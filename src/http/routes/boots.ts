/** `/boots`: each attempt of a machine to boot, as a timeline, with what is known of its end. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type Diagnosis, diagnose, findLoops } from '../../boot/diagnose.ts';
import { EVENT_KINDS } from '../../boot/event.ts';
import { BOOT_STAGES, type BootAttempt, traceBoots } from '../../boot/trace.ts';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { macInput } from '../views.ts';

/** Events that are looked at: some hundred boots. */
const WINDOW = 10_000;
const KINDS = EVENT_KINDS.filter((kind) => /^(?:dhcp|tftp|http)\./.test(kind));

const stage = z.enum(BOOT_STAGES);
const bootView = z.object({
  id: z.number(),
  mac: z.string(),
  host: z.string().optional(),
  profile: z.string().optional(),
  network: z.string().optional(),
  startedAt: z.number().describe('Milliseconds since 1970'),
  lastAt: z.number(),
  reached: stage.optional().describe('The furthest stage that went well'),
  outcome: z.enum(['running', 'local', 'booted', 'stopped']),
  code: z.string().describe('Which detector says so'),
  says: z.string(),
  advice: z.string().optional(),
  looping: z
    .number()
    .optional()
    .describe('Attempts of this machine in the last quarter of an hour, when they are many'),
});
const stepView = z.object({
  at: z.number(),
  afterMs: z.number().describe('Since the attempt began'),
  stage,
  good: z.boolean(),
  kind: z.string(),
  summary: z.string(),
  path: z.string().optional(),
  bytes: z.number().optional(),
  ms: z.number().optional(),
  event: z.number().describe('Its id'),
});
const timelineView = bootView.extend({ steps: z.array(stepView) });

const querystring = z.strictObject({
  mac: macInput.optional(),
  host: z.string().max(64).optional(),
  outcome: z.enum(['running', 'local', 'booted', 'stopped']).optional(),
  cursor: z.coerce.number().int().min(0).optional().describe('"next" of the page before'),
  limit: z.coerce.number().int().min(1).max(1000).default(50),
});

export function bootRoutes({ events, now }: Pick<ApiDeps, 'events' | 'now'>): FastifyPluginAsyncZod {
  const load = async (filter: { mac?: z.output<typeof macInput> | undefined }) => {
    const attempts = traceBoots(await events.list({ ...filter, kinds: KINDS, limit: WINDOW }));
    const loops = findLoops(attempts, now());
    return attempts.map((attempt) => ({
      attempt,
      view: viewOf(attempt, diagnose(attempt, now()), loops.get(attempt.mac)),
    }));
  };

  return async (app) => {
    app.get(
      '/boots',
      {
        schema: {
          tags: ['boots'],
          summary: 'Boots, newest first: how far each came and why it stopped',
          querystring,
          response: { 200: z.object({ items: z.array(bootView), next: z.number().optional() }) },
        },
      },
      async ({ query: { mac, host, outcome, cursor = Number.MAX_SAFE_INTEGER, limit } }) => {
        const found = (await load({ mac }))
          .map(({ view }) => view)
          .filter(
            (one) => (host === undefined || one.host === host) && (outcome === undefined || one.outcome === outcome),
          )
          .filter(({ id }) => id < cursor);
        const items = found.slice(0, limit);
        const next = found.length > limit ? items.at(-1)?.id : undefined;
        return { items, ...(next !== undefined && { next }) };
      },
    );

    app.get(
      '/boots/:id',
      {
        schema: {
          tags: ['boots'],
          summary: 'One boot, step by step',
          params: z.object({ id: z.coerce.number().int() }),
          response: { 200: timelineView },
        },
      },
      async ({ params: { id } }) => {
        const found = (await load({})).find(({ attempt }) => attempt.id === id);
        if (!found) throw new AppError('not-found', `There is no boot ${id} among the newest ${WINDOW} events.`);
        const { attempt, view } = found;
        const steps = attempt.steps.map(({ stage, good, event }) => ({
          at: event.at,
          afterMs: event.at - attempt.startedAt,
          stage,
          good,
          kind: event.kind,
          summary: event.summary,
          path: event.path,
          bytes: event.bytes,
          ms: event.ms,
          event: event.id,
        }));
        return { ...view, steps };
      },
    );
  };
}

function viewOf(attempt: BootAttempt, diagnosis: Diagnosis, looping: number | undefined): z.output<typeof bootView> {
  const { steps: _steps, ...rest } = attempt;
  return { ...rest, ...diagnosis, ...(looping !== undefined && { looping }) };
}

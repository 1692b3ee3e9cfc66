/** `/images`: the catalogue and what of it is there; pulls as jobs with their progress. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { byName, pageByName } from '../host-search.ts';
import { pageOf, pageQuery } from '../views.ts';

const imageView = z.object({
  reference: z.string().describe('How it is called: name, name@version, name@version/architecture'),
  name: z.string(),
  kind: z.string(),
  about: z.string(),
  licence: z.string(),
  source: z.string(),
  state: z.enum(['there', 'part', 'missing']),
  bytes: z.number(),
  proof: z.string().optional().describe('What proved it when it was pulled'),
  files: z.array(z.object({ to: z.string(), present: z.boolean() })).readonly(),
});

const jobView = z.object({
  id: z.string(),
  references: z.array(z.string()).readonly().describe('Empty: every image that is marked as default'),
  state: z.enum(['running', 'done', 'failed', 'stopped']),
  startedAt: z.number().describe('Milliseconds since 1970'),
  endedAt: z.number().optional(),
  files: z
    .array(
      z.object({
        image: z.string(),
        file: z.string(),
        phase: z.enum(['fetch', 'check', 'extract']),
        done: z.number().describe('Bytes'),
        total: z.number().optional(),
      }),
    )
    .readonly(),
  outcomes: z.array(z.object({ kind: z.string(), to: z.string(), image: z.string() })).readonly(),
  step: z.string().optional(),
  fault: z.string().optional(),
});

const reference = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[\w.@/+~-]+$/, 'an image is called name, name@version or name@version/architecture');
const jobId = z.object({ id: z.string().min(1).max(64) });

export function imageRoutes({ images }: Pick<ApiDeps, 'images'>): FastifyPluginAsyncZod {
  return async (app) => {
    const tags = ['images'];

    app.get(
      '/images',
      {
        schema: {
          tags,
          summary: 'List images',
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(imageView) },
        },
      },
      async ({ query: { cursor, limit } }) => {
        const named = (await images.list()).map((image) => ({ name: image.reference, image }));
        const page = pageByName(named.sort(byName), cursor, limit);
        return { ...page, items: page.items.map(({ image }) => image) };
      },
    );

    app.post(
      '/images/jobs',
      {
        schema: {
          tags,
          summary: 'Pull images',
          description:
            'Answers at once with the job; a job that pulls the same already is answered instead of a second.',
          body: z.strictObject({
            images: z.array(reference).max(50).default([]).describe('None: every image that is marked as default'),
            force: z.boolean().default(false).describe('Fetch anew what is there, replace files of the operator'),
          }),
          response: { 202: jobView },
        },
      },
      async ({ body }, reply) => {
        const job = await images.pull(body.images, body.force);
        return reply.code(202).header('location', `/api/v1/images/jobs/${job.id}`).send(job);
      },
    );

    app.get(
      '/images/jobs',
      {
        schema: {
          tags,
          summary: 'List jobs, the oldest first',
          querystring: z.strictObject(pageQuery),
          response: { 200: pageOf(jobView) },
        },
      },
      async ({ query: { cursor, limit } }) => {
        // A fixed-width number makes the order of names the order of time.
        const named = images
          .jobs()
          .map((job) => ({ name: `${String(job.startedAt).padStart(15, '0')} ${job.id}`, job }));
        const page = pageByName(named.sort(byName), cursor, limit);
        return { ...page, items: page.items.map(({ job }) => job) };
      },
    );

    app.get(
      '/images/jobs/:id',
      { schema: { tags, summary: 'Progress of a job', params: jobId, response: { 200: jobView } } },
      async ({ params }) => images.job(params.id) ?? noSuchJob(params.id),
    );

    app.delete(
      '/images/jobs/:id',
      {
        schema: {
          tags,
          summary: 'Stop a job',
          description: 'What came so far is kept: the next pull goes on from there.',
          params: jobId,
          response: { 200: jobView },
        },
      },
      async ({ params }) => images.stop(params.id) ?? noSuchJob(params.id),
    );

    app.post(
      '/images/verify',
      {
        schema: {
          tags,
          summary: 'Compare every file with its digest',
          body: z.strictObject({ images: z.array(reference).max(50).default([]) }),
          response: {
            200: z.object({
              items: z.array(
                z.object({ to: z.string(), image: z.string(), state: z.enum(['good', 'changed', 'gone']) }),
              ),
            }),
          },
        },
      },
      async ({ body }) => ({ items: [...(await images.verify(body.images))] }),
    );

    app.post(
      '/images/remove',
      {
        schema: {
          tags,
          summary: 'Remove an image that was pulled',
          body: z.strictObject({ image: reference, force: z.boolean().default(false) }),
          response: { 200: z.object({ removed: z.array(z.string()), kept: z.array(z.string()) }) },
        },
      },
      async ({ body }) => {
        const { removed, kept } = await images.remove(body.image, body.force);
        return { removed: [...removed], kept: [...kept] };
      },
    );
  };
}

function noSuchJob(id: string): never {
  throw new AppError('not-found', `There is no job "${id}". /api/v1/images/jobs lists those there are.`);
}

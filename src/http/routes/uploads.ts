/** `/uploads`: what machines wrote, as the index has it, and the bytes of each file. */
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { AppError } from '../../errors.ts';
import type { ApiDeps } from '../api-deps.ts';
import { sendContent } from '../send.ts';
import { pageOf } from '../views.ts';

const uploadView = z.object({
  id: z.string(),
  file: z.string().describe('Under the root of uploads'),
  path: z.string().describe('As the machine asked'),
  size: z.number(),
  sha256: z.string(),
  ip: z.string(),
  mac: z.string().optional(),
  host: z.string().optional(),
  transport: z.enum(['tftp', 'http']),
  at: z.number().describe('When these bytes came first, in milliseconds since 1970'),
  seenAt: z.number().describe('When they came last'),
  times: z.number().describe('How often they came'),
});

const querystring = z.strictObject({
  host: z.string().optional(),
  prefix: z.string().max(1000).optional().describe('Only files whose name begins so'),
  // The name of a file, which may be longer than the names other lists are paged by.
  cursor: z.string().max(1000).optional().describe('"next" of the page before'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

export function uploadRoutes({ uploads }: Pick<ApiDeps, 'uploads'>): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      '/uploads',
      { schema: { tags: ['uploads'], summary: 'List uploads', querystring, response: { 200: pageOf(uploadView) } } },
      async ({ query: { host, prefix, cursor, limit } }) => {
        const found = await uploads.list({ host, prefix, after: cursor, limit: limit + 1 });
        const items = found.slice(0, limit);
        const next = found.length > limit ? items.at(-1)?.file : undefined;
        return { items, ...(next !== undefined && { next }) };
      },
    );

    app.get(
      '/uploads/:id/raw',
      {
        schema: {
          tags: ['uploads'],
          summary: 'Read an upload',
          params: z.object({ id: z.string().min(1).max(64) }),
        },
      },
      async (request, reply) => {
        const { upload, outcome } = await uploads.open(request.params.id);
        if (outcome.kind !== 'content')
          throw new AppError('file-absent', `The file of upload "${upload.id}" cannot be had: ${outcome.reason}.`);
        try {
          reply.hijack();
          for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value ?? []);
          reply.raw.writeHead(200, {
            // A machine's HTML must not become a page of ours.
            'content-security-policy': "sandbox; default-src 'none'",
            'content-disposition': 'attachment',
            'content-type': outcome.contentType,
            'content-length': outcome.size,
          });
          await sendContent(reply.raw, outcome, 0, outcome.size, () => 1);
        } catch (error) {
          // The head is out: only a cut connection can say that the rest will not come.
          reply.raw.destroy();
          request.log.debug({ err: error }, 'reading an upload was given up');
        } finally {
          await outcome.close();
        }
      },
    );
  };
}

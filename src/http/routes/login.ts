/** `/login`: the page's session, opened by a token and closed by the operator. */
import type { FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type LoginDeps, requirePage, verifyOrThrow } from '../login.ts';
import type { OpenStreams } from '../open-streams.ts';
import { type Sessions, sessionCookie, sessionIdOf } from '../sessions.ts';

const tags = ['login'];
const open = { security: [] };

interface Deps extends Pick<LoginDeps, 'verify' | 'tooManyFailures'> {
  readonly sessions: Sessions;
  readonly streams: Pick<OpenStreams, 'recheck'>;
  readonly secure: boolean;
}

export function loginRoutes({ sessions, streams, secure, ...deps }: Deps): FastifyPluginAsyncZod {
  return async (app) => {
    app.post(
      '/login',
      {
        schema: {
          tags,
          ...open,
          summary: 'Open a session for a browser: the answer sets a cookie',
          body: z.strictObject({ token: z.string().min(1).max(200) }),
          response: { 200: z.object({ name: z.string(), role: z.string() }) },
        },
      },
      async (request, reply) => {
        requirePage(request as FastifyRequest, 'A session is opened');
        const { name, role } = await verifyOrThrow(deps, request as FastifyRequest, request.body.token);
        reply.header('set-cookie', sessionCookie(sessions.open(request.body.token), secure));
        return { name, role };
      },
    );

    app.delete(
      '/login',
      { schema: { tags, ...open, summary: 'Close the session', response: { 204: z.null() } } },
      async (request, reply) => {
        requirePage(request, 'A session is closed');
        const id = sessionIdOf(request.headers.cookie);
        if (id !== undefined) sessions.close(id);
        streams.recheck();
        return reply.header('set-cookie', sessionCookie(undefined, secure)).code(204).send(null);
      },
    );
  };
}

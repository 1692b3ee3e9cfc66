/** The audit log's door: every request that changes something leaves one line, also one that was refused. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ObjectKind } from '../boot/edit.ts';
import type { ApiDeps } from './api-deps.ts';

/** What a request changed; set by the route that knows. */
export interface Touched {
  readonly kind: ObjectKind | 'template' | 'token' | 'deployment' | 'machine' | 'lease' | 'image' | 'files';
  readonly name: string;
  readonly before?: string | undefined;
  readonly after?: string | undefined;
  /** Nothing was written. */
  readonly dryRun?: boolean | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    touched: Touched | null;
  }
}

export function registerAudit(app: FastifyInstance, { audit, log, now }: Pick<ApiDeps, 'audit' | 'log' | 'now'>): void {
  app.decorateRequest('touched', null);

  async function remember(request: FastifyRequest, status: number): Promise<void> {
    const { operator, touched } = request;
    const { reads = true } = request.routeOptions.config.access ?? {};
    if (!operator || reads || touched?.dryRun || (status >= 400 && status !== 403)) return;
    const action = `${request.method} ${(request.routeOptions.url ?? '').replace('/api/v1', '')}`;
    const target = touched ? `${touched.kind} ${touched.name}` : request.url.replace(/\?.*$/s, '').slice(0, 200);
    const { before, after } = touched ?? {};
    const entry = { at: now(), who: operator.name, role: operator.role, action, target, before, after, status };
    log.info({ operator: operator.name, action, target, status }, 'changed by API');
    await audit.append({ ...entry, ip: request.ip, request: request.id });
  }

  // Before the answer leaves: who has been told that it is done finds it in the log.
  app.addHook('onSend', async (request: FastifyRequest, reply: FastifyReply, payload: unknown) => {
    try {
      await remember(request, reply.statusCode);
    } catch (error) {
      // The change is made and cannot be unmade: the answer stays true, the loss is said.
      log.error({ err: error, requestId: request.id }, 'the audit log could not be written');
    }
    return payload;
  });
}

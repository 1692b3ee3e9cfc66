/** DOOR for operators: the API under `/api/v1`, its documentation at `/docs`, the page at `/`. Never on a boot listener. */
import type { AddressInfo } from 'node:net';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify';
import { AppError } from '../errors.ts';
import type { ApiDeps } from './api-deps.ts';
import { registerAudit } from './audit.ts';
import { listenError } from './listen-error.ts';
import { createLogin } from './login.ts';
import { YAML } from './media.ts';
import { createOpenStreams } from './open-streams.ts';
import { registerOpenApi } from './openapi.ts';
import { sendProblem, toProblemDocument } from './problem-document.ts';
import { accessOf } from './roles.ts';
import { bootRoutes } from './routes/boots.ts';
import { deploymentRoutes } from './routes/deployments.ts';
import { eventRoutes } from './routes/events.ts';
import { explainRoutes } from './routes/explain.ts';
import { hostRoutes } from './routes/hosts.ts';
import { imageRoutes } from './routes/images.ts';
import { inboxRoutes } from './routes/inbox.ts';
import { inventoryRoutes } from './routes/inventory.ts';
import { leaseRoutes } from './routes/leases.ts';
import { loginRoutes } from './routes/login.ts';
import { secretRoutes } from './routes/secrets.ts';
import { healthRoutes, metricRoutes, statusRoutes } from './routes/system.ts';
import { templateRoutes } from './routes/templates.ts';
import { tokenRoutes } from './routes/tokens.ts';
import { treeRoutes } from './routes/tree.ts';
import { uploadRoutes } from './routes/uploads.ts';
import { createSessions } from './sessions.ts';
import { validateRequest } from './validation.ts';

const BODY_LIMIT = 1024 * 1024;
/** Wrong tokens an address may send in a minute. */
const MAX_FAILURES = 10;
const RECHECK_MS = 5000;

export interface Api {
  /** For tests: answers without a socket. */
  readonly inject: FastifyInstance['inject'];
  /** @throws AppError `port-in-use`, `port-denied`, `interface-missing` */
  listen(address: string, port: number): Promise<{ readonly address: string; readonly port: number }>;
  /** Ends event streams and running requests. */
  close(): Promise<void>;
}

export async function createApi(deps: ApiDeps): Promise<Api> {
  const app: FastifyInstance = fastify({
    ...(deps.tls && { https: { ...deps.tls, minVersion: 'TLSv1.2' as const } }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: 30_000,
    http: { headersTimeout: 10_000, maxHeaderSize: 16 * 1024 },
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 1000 },
  });
  app.setValidatorCompiler(validateRequest);
  // Response schemas describe; they do not rewrite.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.addContentTypeParser(YAML, { parseAs: 'string' }, (_request, text, done) => done(null, text));
  app.addContentTypeParser(
    'application/merge-patch+json',
    { parseAs: 'string' },
    app.getDefaultJsonParser('error', 'error'),
  );
  app.setErrorHandler((error, request, reply) => {
    if (toProblemDocument(error, request.id).code === 'internal') {
      deps.log.error(
        { err: error, method: request.method, url: request.url, requestId: request.id },
        'an API request failed by a bug',
      );
    }
    return sendProblem(error, request, reply);
  });
  app.setNotFoundHandler((request, reply) => {
    const what = `${request.method} ${request.url.replace(/\?.*$/s, '')}`;
    return sendProblem(new AppError('not-found', `There is no ${what}. /docs lists what there is.`), request, reply);
  });

  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"], baseUri: ["'none'"], formAction: ["'none'"] },
    },
    // Without TLS these two would make browsers insist on it; with it, a test certificate must not bind them for a year.
    strictTransportSecurity: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
  });
  await app.register(rateLimit, { global: false });
  await registerOpenApi(app, deps.version);
  await app.register((scope) => registerRoutes(scope, deps), { prefix: '/api/v1' });

  const { page } = deps;
  if (page) {
    app.get('/', { schema: { hide: true } }, (_request, reply) =>
      reply
        .type('text/html; charset=utf-8')
        .header('content-security-policy', page.contentSecurityPolicy)
        .header('cache-control', 'no-cache')
        .send(page.html),
    );
  }
  await app.ready();

  return {
    inject: app.inject.bind(app) as FastifyInstance['inject'],
    async listen(address, port) {
      try {
        await app.listen({ host: address, port, ipv6Only: true });
      } catch (error) {
        throw listenError(error, address, port);
      }
      return { address, port: (app.server.address() as AddressInfo).port };
    },
    close: () => app.close(),
  };
}

async function registerRoutes(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  app.decorateRequest('operator', null);
  app.decorateRequest('isStillLetIn', null);
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
  });
  app.addHook('onResponse', async (request, reply) => {
    // How long somebody listened is no measure of us.
    if (String(reply.getHeader('content-type')).startsWith('text/event-stream')) return;
    deps.answered?.(request.method, reply.statusCode, reply.elapsedTime);
  });
  const countFailure = app.createRateLimit({ max: MAX_FAILURES, timeWindow: '1 minute' });
  const sessions = createSessions(deps.now);
  const streams = createOpenStreams(deps.recheckMs ?? RECHECK_MS);
  app.addHook('preClose', async () => streams.close());
  const loginDeps = {
    verify: deps.tokens.verify,
    sessions,
    tooManyFailures: async (request: FastifyRequest) => {
      const count = await countFailure(request);
      return !count.isAllowed && count.isExceeded;
    },
  };
  await app.register(healthRoutes(deps));
  await app.register(loginRoutes({ ...loginDeps, streams, secure: deps.tls !== undefined }));
  if (deps.openMetrics) await app.register(metricRoutes(deps));

  await app.register(async (closed) => {
    closed.addHook('onRoute', (route) => {
      for (const method of [route.method].flat()) {
        route.config = { ...route.config, access: accessOf(method, route.url, '/api/v1') };
      }
    });
    registerAudit(closed, deps);
    closed.addHook('onRequest', createLogin(loginDeps));
    await closed.register(hostRoutes(deps));
    await closed.register(deploymentRoutes(deps));
    await closed.register(inboxRoutes(deps));
    await closed.register(secretRoutes(deps));
    await closed.register(inventoryRoutes(deps));
    await closed.register(leaseRoutes(deps));
    await closed.register(explainRoutes(deps));
    await closed.register(treeRoutes(deps));
    await closed.register(templateRoutes(deps));
    await closed.register(eventRoutes({ ...deps, streams }));
    await closed.register(bootRoutes(deps));
    await closed.register(uploadRoutes(deps));
    await closed.register(tokenRoutes({ ...deps, streams }));
    await closed.register(imageRoutes(deps));
    await closed.register(statusRoutes(deps));
    if (!deps.openMetrics) await closed.register(metricRoutes(deps));
  });
}

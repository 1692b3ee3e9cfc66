/** The OpenAPI 3.1 document, made from the same schemas that check the requests, and its readable page. */
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { createJsonSchemaTransform } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { problemView } from './problem-document.ts';

/** Registers the collector, which must come before the routes, and the pages. */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Hobnail',
        version,
        description:
          'Operator API of the boot appliance. Errors are problem documents (RFC 9457). Changes of a host need If-Match with its ETag.',
      },
      servers: [{ url: '/' }],
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    // Transforms have no JSON schema of their own; what is sent is described by their input.
    transform: createJsonSchemaTransform({ zodToJsonConfig: { unrepresentable: 'any' } }),
    transformObject: (document) =>
      'openapiObject' in document ? withProblems(document.openapiObject) : document.swaggerObject,
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    staticCSP: true,
    transformStaticCSP: ownPolicy,
    uiConfig: { docExpansion: 'list', validatorUrl: null },
  });
  app.get('/api/v1/openapi.json', { schema: { hide: true } }, async () => app.swagger());
}

/** The page's policy allows outside hosts and forces TLS, which a boot network has not, but not the styles it sets itself. */
function ownPolicy(policy: string): string {
  return policy
    .replace(/\s*upgrade-insecure-requests;?/, '')
    .replaceAll(/ (?:https:|validator\.swagger\.io)(?=[ ;])/g, '')
    .replace(/style-src [^;]*/, "style-src 'self' 'unsafe-inline'");
}

/** Every operation may end in a problem document. */
function withProblems<T extends { paths?: object; components?: object }>(document: T): T {
  const { $schema: _unused, ...problem } = z.toJSONSchema(problemView);
  const response = {
    description: 'A problem',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
  const paths = Object.entries(document.paths ?? {}).map(([path, operations]) => [
    path,
    Object.fromEntries(
      Object.entries(operations).map(([method, operation]) => {
        const described = operation as { responses?: object };
        return [method, { ...described, responses: { ...described.responses, default: response } }];
      }),
    ),
  ]);
  return {
    ...document,
    paths: Object.fromEntries(paths),
    components: { ...document.components, schemas: { Problem: problem } },
  };
}

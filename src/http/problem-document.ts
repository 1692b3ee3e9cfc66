/** Errors on the operator API: problem documents (RFC 9457) with the codes of the catalogue. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError, ERRORS, type ErrorCode, type Problem } from '../errors.ts';

const problemPartView = z.object({
  severity: z.enum(['error', 'warning']),
  file: z.string(),
  line: z.number().optional(),
  column: z.number().optional(),
  path: z.string().optional(),
  message: z.string(),
  advice: z.string().optional(),
});

export const problemView = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  code: z.string().describe('Stable; docs/errors.md lists them all'),
  detail: z.string().describe('What to change'),
  instance: z.string().describe('The request, as the log names it'),
  problems: z.array(problemPartView).optional(),
});
export type ProblemDocument = Omit<z.output<typeof problemView>, 'problems'> & { problems?: readonly Problem[] };
export { problemPartView };

/** The document for whatever was thrown; a bug tells nothing of itself but where the log has it. */
export function toProblemDocument(error: unknown, requestId: string): ProblemDocument {
  const known = toAppError(error);
  const code: ErrorCode = known?.code ?? 'internal';
  const { title, status } = ERRORS[code];
  return {
    type: `urn:hobnail:error:${code}`,
    title,
    status,
    code,
    detail: known?.message ?? `The log has it under request ${requestId}; please report it.`,
    instance: `urn:hobnail:request:${requestId}`,
    ...(known && known.problems.length > 0 && { problems: known.problems }),
  };
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const document = toProblemDocument(error, request.id);
  if (document.status === 401) reply.header('www-authenticate', 'Bearer realm="hobnail"');
  return reply.code(document.status).type('application/problem+json').serializer(JSON.stringify).send(document);
}

/** Fastify's own refusals in the catalogue's words; undefined for a bug. */
function toAppError(error: unknown): AppError | undefined {
  if (error instanceof AppError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code, statusCode = 500 } = error as Partial<FastifyError>;
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('body-too-large', 'A body may have at most 1 MiB.', { cause: error });
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('request-invalid', 'Send JSON, with "Content-Type: application/json".', { cause: error });
    default:
      return statusCode < 500 ? new AppError('request-invalid', `${error.message}.`, { cause: error }) : undefined;
  }
}

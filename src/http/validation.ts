/** Requests against their schemas: all faults at once, each with the place and, for a slip, the nearest known name. */
import type { FastifySchemaCompiler } from 'fastify';
import { z } from 'zod';
import { AppError, type Problem } from '../errors.ts';
import { adviseName } from '../net/nearest.ts';

/** Replaces Fastify's validator: zod schemas in, `AppError` `request-invalid` out. */
export const validateRequest: FastifySchemaCompiler<z.ZodType> = ({ schema, httpPart }) => {
  return (data: unknown) => {
    const result = schema.safeParse(data);
    return result.success
      ? { value: result.data }
      : { error: invalidRequest(result.error, schema, httpPart ?? 'request') };
  };
};

/** For a route whose handler needs the body as it was sent: it checks with `checkBody` itself. */
export function keepAsSent(): (data: unknown) => { readonly value: unknown } {
  return (data) => ({ value: data });
}

/** @throws AppError `request-invalid` */
export function checkBody<S extends z.ZodType>(schema: S, body: unknown, place = 'body'): z.output<S> {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw invalidRequest(result.error, schema, place);
}

/** @param place `body`, `querystring`, `params` */
export function invalidRequest(error: z.ZodError, schema: z.ZodType, place: string): AppError {
  const problems = error.issues.flatMap((issue): Problem[] => {
    if (issue.code !== 'unrecognized_keys') return [problemAt(place, issue.path, issue.message)];
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) =>
      problemAt(place, [...issue.path, key], `"${key}" is not known here`, adviseName(key, known)),
    );
  });
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const where = first?.path ? `${place}.${first.path}` : place;
  const text = first
    ? [`${where}: ${first.message}${more}.`, first.advice ?? ''].join(' ').trim()
    : `${place} is not valid.`;
  return new AppError('request-invalid', text, { problems, cause: error });
}

function problemAt(file: string, path: readonly PropertyKey[], message: string, advice = ''): Problem {
  const text = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  return {
    severity: 'error',
    file,
    message,
    ...(path.length > 0 && { path: text.replace(/^\./, '') }),
    ...(advice !== '' && { advice }),
  };
}

/** Keys the schema knows at a place in the document. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let current = unwrap(schema);
  for (const key of path) {
    if (current instanceof z.ZodObject) current = unwrap(current.shape[String(key)]);
    else if (current instanceof z.ZodArray) current = unwrap(current.element);
    else return [];
  }
  return current instanceof z.ZodObject ? Object.keys(current.shape) : [];
}

function unwrap(schema: unknown): unknown {
  let current = schema;
  while (current instanceof z.ZodOptional || current instanceof z.ZodDefault || current instanceof z.ZodNullable) {
    current = current.unwrap();
  }
  return current;
}

/** YAML beside JSON: a file as its author wrote it, for those who keep it in git. */
import type { FastifyReply, FastifyRequest } from 'fastify';

export const YAML = 'application/yaml'; // RFC 9512

/** True when the request asks for YAML by name; everybody else gets JSON. */
export function acceptsYaml({ headers }: FastifyRequest): boolean {
  return /(?:^|[,\s])(?:application|text)\/(?:x-)?yaml\b/i.test(headers.accept ?? '');
}

export function sendYaml(reply: FastifyReply, text: string): FastifyReply {
  return reply
    .type(`${YAML}; charset=utf-8`)
    .serializer((body: unknown) => String(body))
    .send(text);
}

/** A publisher's web server on loopback, with the faults that real ones have. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What may be wrong with an answer; taken from the front, one a request of that path. */
export type Fault =
  /** Ends the connection after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** An HTTP status instead. */
  | { readonly kind: 'status'; readonly status: number }
  /** Other bytes than before, of the same length. */
  | { readonly kind: 'lie' }
  /** A range is asked for, the wrong one is sent. */
  | { readonly kind: 'wrong-range' }
  /** Says nothing until the client gives up. */
  | { readonly kind: 'silence' };

export interface FileServer {
  readonly url: string;
  /** Path → content; may be changed while it runs. */
  readonly files: Map<string, Buffer>;
  readonly faults: Map<string, Fault[]>;
  /** `GET /path` and `GET /path bytes=5-`, as they came. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function startFileServer(files: Readonly<Record<string, string | Buffer>> = {}): Promise<FileServer> {
  const map = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]));
  const faults = new Map<string, Fault[]>();
  const requests: string[] = [];
  const server = createServer((request, response) => answer(request, response, map, faults, requests));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files: map,
    faults,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: Map<string, Buffer>,
  faults: Map<string, Fault[]>,
  requests: string[],
): void {
  const path = request.url ?? '';
  const { range } = request.headers;
  requests.push(`${request.method} ${path}${range === undefined ? '' : ` ${range}`}`);
  const fault = faults.get(path)?.shift();
  const content = files.get(path);
  if (fault?.kind === 'silence') return;
  if (fault?.kind === 'status') return void response.writeHead(fault.status).end();
  if (!content) return void response.writeHead(404).end('no such file');
  const etag = `"${createHash('sha256').update(content).digest('hex').slice(0, 16)}"`;
  const wanted = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
  const ranged = range !== undefined && request.headers['if-range'] === etag;
  const start = ranged ? wanted + (fault?.kind === 'wrong-range' ? -1 : 0) : 0;
  if (ranged && wanted >= content.length)
    return void response.writeHead(416, { 'content-range': `bytes */${content.length}` }).end();
  const body = fault?.kind === 'lie' ? Buffer.alloc(content.length, 0x21) : content.subarray(start);
  response.writeHead(ranged ? 206 : 200, {
    etag,
    'content-length': body.length,
    ...(ranged && { 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` }),
  });
  if (fault?.kind === 'cut')
    // An end that comes at once takes away what a busy client has not read yet, and then there is nothing to go on from.
    response.write(body.subarray(0, fault.after), () => setTimeout(() => response.destroy(), 400));
  else response.end(body);
}

export function sha256(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

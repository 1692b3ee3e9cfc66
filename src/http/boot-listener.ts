/** The sockets under the boot door: bounded in header size, in time and in number, whoever connects. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from 'pino';
import { listenError } from './listen-error.ts';

export interface ListenerOptions {
  readonly address: string;
  readonly port: number;
  /** A connection on which nothing moves for so long is cut. */
  readonly idleTimeoutMs: number;
  /** A header that comes in drips takes no longer, however often something moves. */
  readonly headersTimeoutMs: number;
  readonly maxConnections: number;
  readonly log: Pick<Logger, 'debug' | 'error'>;
}

/** @throws AppError `port-in-use`, `port-denied`, `interface-missing` */
export async function openListener(options: ListenerOptions, onRequest: RequestListener): Promise<Server> {
  const { address, port, idleTimeoutMs, headersTimeoutMs: headersTimeout, maxConnections, log } = options;
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout,
      requestTimeout: 3 * headersTimeout,
      connectionsCheckingInterval: headersTimeout / 2,
      keepAliveTimeout: idleTimeoutMs,
      // Small boot clients send HTTP/1.1 without Host; they mean us.
      requireHostHeader: false,
      noDelay: true,
    },
    onRequest,
  );
  server.maxConnections = maxConnections;
  server.setTimeout(idleTimeoutMs, (socket: Socket) => socket.destroy());
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => refuseMalformed(error, socket, log));
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error) => reject(listenError(error, address, port));
    server.once('error', refused);
    server.listen({ host: address, port, ipv6Only: true }, () => {
      server.off('error', refused);
      resolve();
    });
  });
  server.on('error', (error) => log.error({ err: error }, 'the boot listener failed'));
  return server;
}

/** Takes no more connections, lets running transfers go on for `graceMs`, then cuts them. */
export async function closeListener(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/** No HTTP at all, a header that is too large, or one that takes too long. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Socket, log: Pick<Logger, 'debug'>): void {
  log.debug({ ip: socket.remoteAddress, code: error.code }, 'refused a malformed HTTP request');
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, line] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'The request header is too large.\n']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'The request took too long.\n']
        : ['400 Bad Request', 'This is not an HTTP request.\n'];
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\nContent-Length: ${line.length}\r\nConnection: close\r\n\r\n`;
  socket.end(head + line, () => socket.destroy());
}

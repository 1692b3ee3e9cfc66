/**
 * DOOR for machines: GET and HEAD of any virtual path over plain HTTP, POST where a row takes one. Firmware is a poor client, so: exact lengths, no
 * chunks, no redirects, no cookies, no compression, keep-alive, and the same tree that TFTP serves.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import type { OpenContent, OpenPath } from '../boot/content.ts';
import type { BootEvent, RecordEvent } from '../boot/event.ts';
import { redactToken } from '../boot/token-path.ts';
import { AppError, ERRORS, messageOf } from '../errors.ts';
import type { Mac } from '../net/mac.ts';
import { closeListener, openListener } from './boot-listener.ts';
import { type BootReports, takeReport } from './boot-reports.ts';
import { readPosted, readPostedFacts } from './posted-facts.ts';
import { selectBytes } from './preconditions.ts';
import { decodeRequestPath } from './request-path.ts';
import { ClientGone, sendContent } from './send.ts';

export interface BootDoorDeps {
  readonly open: OpenPath;
  /** The machine behind an address, from its lease or the neighbour table. */
  readonly findMac: (ip: string) => Mac | undefined;
  /** Where machines tell what became of them; without it such paths are files like any other. */
  readonly reports?: BootReports | undefined;
  /** Whether a POST to this path may have an answer, so that its body is read; default: no. */
  readonly takesPost?: (path: string) => boolean;
  readonly record: RecordEvent;
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
  readonly now: () => number;
  /** How long a client may take nothing of what is sent, or send nothing. Default 60,000. */
  readonly idleTimeoutMs?: number;
  /** Connections at once, for each listener. Default 4096. */
  readonly maxConnections?: number;
  /** How long running transfers may go on after `close`. Default 1000. */
  readonly closeGraceMs?: number;
}

export interface BootDoor {
  /**
   * Opens one more listener; port 0 takes a free one. `::` takes no IPv4, so both can be opened side by side.
   * @throws AppError `port-in-use`, `port-denied`, `interface-missing`
   */
  listen(address: string, port: number): Promise<BootListener>;
  close(): Promise<void>;
}

export interface BootListener {
  readonly address: string;
  readonly port: number;
  /** Closes this one; its running transfers have a moment to end. */
  close(): Promise<void>;
}

/** Request and its answer, as the event tells it. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ip: string;
  readonly mac: Mac | undefined;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

/** Characters of a path that are recorded: strangers choose it, and thousands of events wait in memory. */
const MAX_RECORDED = 1000;

type Outcome = Pick<BootEvent, 'kind' | 'summary'> &
  Partial<BootEvent> & {
    /** `template …`, `image …`, `upload …`, `report`. */
    readonly origin?: string;
    /** MACs a body named: facts, and no more. */
    readonly saidMacs?: readonly Mac[];
  };

export function createBootDoor(deps: BootDoorDeps): BootDoor {
  const { log, now } = deps;
  const { idleTimeoutMs = 60_000, maxConnections = 4096, closeGraceMs = 1000 } = deps;
  const servers = new Set<Server>();
  let running = 0;

  function record({ request, response, ip, mac, startedAt }: Exchange, path: string, told: Outcome): void {
    const { origin, saidMacs, ...outcome } = told;
    const at = now();
    const userAgent = request.headers['user-agent']?.slice(0, 200);
    const range = request.headers.range?.slice(0, 100);
    const event: BootEvent = {
      at,
      ip,
      path: redactToken(path).slice(0, MAX_RECORDED),
      ms: Math.round((performance.now() - startedAt) * 100) / 100,
      ...(mac && { mac }),
      ...outcome,
      summary: redactToken(outcome.summary).slice(0, MAX_RECORDED),
      detail: {
        method: request.method ?? '',
        status: response.statusCode,
        ...(origin !== undefined && { origin }),
        ...(saidMacs && { saidMacs }),
        ...(userAgent !== undefined && { userAgent }),
        ...(range !== undefined && { range }),
      },
    };
    deps.record(event);
    const { summary, ...fields } = event;
    if (event.kind === 'http.failed') log.warn(fields, summary);
    else log.info(fields, summary);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ip = plainAddress(request.socket.remoteAddress);
    const exchange: Exchange = { request, response, ip, mac: deps.findMac(ip), startedAt: performance.now() };
    const target = request.url ?? '';
    const told = decodeRequestPath(target);
    if (told !== undefined && deps.reports && ['GET', 'POST', 'PUT'].includes(request.method ?? '')) {
      const report = await takeReport(request, told, deps.reports);
      if (report) {
        say(response, 200, report.line);
        const bytes = report.line.length + 1;
        return record(exchange, told, { kind: 'http.done', summary: `took ${told}`, bytes, origin: 'report' });
      }
    }
    const { method } = request;
    const refuseMethod = () => {
      response.setHeader('Allow', 'GET, HEAD');
      say(response, 405, 'Only GET and HEAD are served here.');
      return record(exchange, target, { kind: 'http.refused', summary: `refused ${method} ${target}` });
    };
    // Nothing else here takes a body; what a client sends all the same is not waited for.
    if (hasBody(request)) response.setHeader('Connection', 'close');
    if (method !== 'GET' && method !== 'HEAD' && method !== 'POST') return refuseMethod();
    const path = decodeRequestPath(target);
    if (path === undefined) {
      say(response, 400, 'The path is not valid.');
      return record(exchange, target, { kind: 'http.refused', summary: `refused ${target}: not a valid path` });
    }
    if (method === 'POST' && !deps.takesPost?.(path)) return refuseMethod();
    // Read whole before the path is opened: what opening spends must not be lost to a body that never ends.
    const posted = method === 'POST' ? { facts: readPostedFacts(await readPosted(request)) } : undefined;
    if (exchange.mac && posted?.facts) deps.reports?.discover(exchange.mac, posted.facts.facts);
    const outcome = await deps.open(path, {
      ip,
      transport: 'http',
      localAddress: plainAddress(request.socket.localAddress),
      ...(exchange.mac && { mac: exchange.mac }),
      ...(method === 'HEAD' && { onlyAsks: true }),
      ...(posted && { posts: true }),
    });
    switch (outcome.kind) {
      case 'absent':
        say(response, 404, 'No such file.');
        return record(exchange, path, { kind: 'http.absent', summary: `no ${path}: ${outcome.reason}` });
      case 'refused':
        if (outcome.isOfMethod) return refuseMethod();
        say(response, 403, outcome.text ?? 'Not allowed.');
        return record(exchange, path, { kind: 'http.refused', summary: `refused ${path}: ${outcome.reason}` });
      case 'content':
        return await sendOpened(exchange, method, path, outcome, posted?.facts?.macs);
      default:
        return outcome satisfies never;
    }
  }

  async function sendOpened(
    exchange: Exchange,
    method: 'GET' | 'HEAD' | 'POST',
    path: string,
    content: OpenContent,
    saidMacs?: readonly Mac[],
  ) {
    const { request, response } = exchange;
    const written = countBytes(request.socket);
    const about = {
      origin: content.origin,
      ...(saidMacs && { saidMacs }),
      ...(content.host !== undefined && { host: content.host }),
    };
    running++;
    try {
      const bytes = await sendSelected(request, response, method, content, running);
      const what = method === 'HEAD' ? 'told the size of' : 'sent';
      const summary = `${what} ${path} (${content.origin})`;
      record(exchange, path, { ...about, kind: 'http.done', summary, bytes });
    } catch (error) {
      if (error instanceof ClientGone) {
        const summary = `${path} was given up by the client`;
        record(exchange, path, { ...about, kind: 'http.aborted', summary, bytes: written() });
      } else throw error;
    } finally {
      running--;
      await content.close();
    }
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedAt = performance.now();
    try {
      await answer(request, response);
    } catch (error) {
      const code = error instanceof AppError ? error.code : 'internal';
      if (code === 'internal')
        log.error({ err: error, path: redactToken(request.url ?? '') }, 'a boot request failed by a bug');
      // With the head on the wire only a cut connection can still say that the length will not be kept.
      if (response.headersSent) response.destroy();
      else say(response, ERRORS[code].status, `${ERRORS[code].title}.`);
      const ip = plainAddress(request.socket.remoteAddress);
      const path = decodeRequestPath(request.url ?? '') ?? request.url ?? '';
      const exchange: Exchange = { request, response, ip, mac: deps.findMac(ip), startedAt };
      record(exchange, path, { kind: 'http.failed', summary: `${path} failed (${code}): ${messageOf(error)}` });
    }
  }

  return {
    async listen(address, port) {
      const server = await openListener({ address, port, idleTimeoutMs, maxConnections, log }, (request, response) => {
        serve(request, response).catch((error) => log.error({ err: error }, 'answering a boot request threw'));
      });
      servers.add(server);
      return {
        address,
        port: (server.address() as AddressInfo).port,
        close: async () => {
          if (servers.delete(server)) await closeListener(server, closeGraceMs);
        },
      };
    },

    async close() {
      const closing = Array.from(servers, (server) => closeListener(server, closeGraceMs));
      servers.clear();
      await Promise.all(closing);
    },
  };
}

/** Writes head and body; returns the number of body bytes. */
async function sendSelected(
  request: IncomingMessage,
  response: ServerResponse,
  method: 'GET' | 'HEAD' | 'POST',
  content: OpenContent,
  running: number,
): Promise<number> {
  const selection = method === 'POST' ? wholeOf(content) : selectBytes(method, request.headers, content);
  response.setHeader('ETag', `"${content.etag}"`);
  response.setHeader('Last-Modified', new Date(content.modifiedAt).toUTCString());
  response.setHeader('Accept-Ranges', 'bytes');
  // The same path is another file for another machine: a cache on the way has to ask.
  response.setHeader('Cache-Control', 'no-cache');
  switch (selection.status) {
    case 304:
      response.writeHead(304).end();
      return 0;
    case 412:
      say(response, 412, 'The file has changed.');
      return 0;
    case 416:
      response.setHeader('Content-Range', `bytes */${content.size}`);
      say(response, 416, `The file has ${content.size} bytes.`);
      return 0;
    case 206:
      response.setHeader('Content-Range', `bytes ${selection.start}-${selection.end - 1}/${content.size}`);
      break;
    case 200:
      break;
    default:
      return selection satisfies never;
  }
  const length = selection.end - selection.start;
  response.writeHead(selection.status, { 'Content-Type': content.contentType, 'Content-Length': length });
  if (method === 'HEAD') {
    response.end();
    return 0;
  }
  await sendContent(response, content, selection.start, selection.end, running);
  return length;
}

/** Conditions and ranges are for GET and HEAD (RFC 9110 §13.2, §14.2). */
function wholeOf({ size }: OpenContent): ReturnType<typeof selectBytes> {
  return { status: 200, start: 0, end: size };
}

/** A whole answer of one plain text line. */
function say(response: ServerResponse, status: number, line: string): void {
  const body = Buffer.from(`${line}\n`);
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': body.length });
  response.end(body);
}

function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/** Bytes this socket took since now; heads count too, which is near enough for an aborted transfer. */
function countBytes(socket: Socket): () => number {
  const before = socket.bytesWritten;
  return () => socket.bytesWritten - before;
}

/** `::ffff:10.77.0.5` is 10.77.0.5. */
function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

/**
 * DOOR for machines: GET and HEAD of any virtual path over plain HTTP, POST where a row takes one. Firmware is a poor client, so: exact lengths, no
 * chunks, no redirects, no cookies, no compression, keep-alive, and the same tree that TFTP serves.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Logger } from 'pino';
import type { OpenContent, OpenPath, Requester } from '../boot/content.ts';
import type { RecordEvent } from '../boot/event.ts';
import { redactToken } from '../boot/token-path.ts';
import { AppError, ERRORS, messageOf } from '../errors.ts';
import type { Mac } from '../net/mac.ts';
import { closeListener, openListener } from './boot-listener.ts';
import { createBootRecord, type Exchange, type Outcome, toldOf } from './boot-record.ts';
import { type BootReports, takeReport } from './boot-reports.ts';
import { readPosted, readPostedFacts } from './posted-facts.ts';
import { selectBytes } from './preconditions.ts';
import { createReadyAnswers, hasBody, type ReadyAnswer, validatorsOf } from './ready-answers.ts';
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
  /** How long the head of a request may take. Default 10,000. */
  readonly headersTimeoutMs?: number;
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

export function createBootDoor(deps: BootDoorDeps): BootDoor {
  const { log, now } = deps;
  const { idleTimeoutMs = 60_000, headersTimeoutMs = 10_000, maxConnections = 4096, closeGraceMs = 1000 } = deps;
  const servers = new Set<Server>();
  const ready = createReadyAnswers();
  let running = 0;

  const recordTold = createBootRecord({ record: deps.record, log, now });
  const record = (exchange: Exchange, path: string, { summary, ...outcome }: Outcome) =>
    recordTold(exchange, toldOf(path, summary), outcome);

  function requesterOf({ request, ip, mac }: Exchange): Requester {
    const localAddress = plainAddress(request.socket.localAddress);
    return { ip, transport: 'http', localAddress, ...(mac && { mac }) };
  }

  function sendReady(exchange: Exchange, answer: ReadyAnswer): void {
    const { response } = exchange;
    response.once('close', () => {
      const { path, origin, body } = answer;
      if (response.writableFinished) recordTold(exchange, answer, { kind: 'http.done', bytes: body.length, origin });
      else record(exchange, path, { kind: 'http.aborted', summary: givenUp(path), bytes: 0, origin });
    });
    response.writeHead(200, answer.head);
    response.end(answer.body, 'latin1');
  }

  async function answer(exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
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
    if (hasBody(request.headers)) response.setHeader('Connection', 'close');
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
      ...requesterOf(exchange),
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
      const bytes = await sendSelected(request, response, method, content, () => running);
      const what = method === 'HEAD' ? 'told the size of' : 'sent';
      const summary = `${what} ${path} (${content.origin})`;
      record(exchange, path, { ...about, kind: 'http.done', summary, bytes });
      if (method === 'GET') ready.keep(request.url ?? '', content, toldOf(path, summary));
    } catch (error) {
      if (error instanceof ClientGone) {
        record(exchange, path, { ...about, kind: 'http.aborted', summary: givenUp(path), bytes: written() });
      } else throw error;
    } finally {
      running--;
      await content.close();
    }
  }

  async function serve(exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    try {
      await answer(exchange);
    } catch (error) {
      const path = decodeRequestPath(request.url ?? '') ?? request.url ?? '';
      const code = error instanceof AppError ? error.code : 'internal';
      if (code === 'internal' && isCut(request)) {
        record(exchange, path, { kind: 'http.aborted', summary: givenUp(path), bytes: 0 });
        return;
      }
      if (code === 'internal')
        log.error({ err: error, path: redactToken(request.url ?? '') }, 'a boot request failed by a bug');
      // With the head on the wire only a cut connection can still say that the length will not be kept.
      if (response.headersSent) response.destroy();
      else say(response, ERRORS[code].status, `${ERRORS[code].title}.`);
      record(exchange, path, { kind: 'http.failed', summary: `${path} failed (${code}): ${messageOf(error)}` });
    }
  }

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    const ip = plainAddress(request.socket.remoteAddress);
    const exchange: Exchange = { request, response, ip, mac: deps.findMac(ip), startedAt: performance.now() };
    const known = ready.find(request, requesterOf(exchange));
    if (known) sendReady(exchange, known);
    else serve(exchange).catch((error) => log.error({ err: error }, 'answering a boot request threw'));
  }

  return {
    async listen(address, port) {
      const server = await openListener(
        { address, port, idleTimeoutMs, headersTimeoutMs, maxConnections, log },
        onRequest,
      );
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
  running: () => number,
): Promise<number> {
  const selection = method === 'POST' ? wholeOf(content) : selectBytes(method, request.headers, content);
  const validators = validatorsOf(content);
  for (let i = 0; i < validators.length; i += 2) response.setHeader(String(validators[i]), validators[i + 1] ?? '');
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

/** Bytes this socket took since now; heads count too, which is near enough for an aborted transfer. */
function countBytes(socket: Socket): () => number {
  const before = socket.bytesWritten;
  return () => socket.bytesWritten - before;
}

/** Its connection ended before its body did. */
function isCut({ destroyed, complete }: IncomingMessage): boolean {
  return destroyed && !complete;
}

/** `::ffff:10.77.0.5` is 10.77.0.5. */
function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

function givenUp(path: string): string {
  return `${path} was given up by the client`;
}

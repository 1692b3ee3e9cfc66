/** An HTTP proxy for one machine. It leads to the package archives of this system's own apt, and nowhere else. */
import { createServer, Agent as PlainAgent, request as plainRequest } from 'node:http';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Lan } from '../../src/lab/lan.ts';
import { type Archive, readAptProxy } from './apt.ts';

export interface PackageProxy {
  /** As the machine is told: `http://10.77.0.4:3128`. */
  readonly url: string;
  /** Paths of what was fetched, in order. */
  readonly fetched: readonly string[];
  /** What was asked for and is outside of the archives. */
  readonly refused: readonly string[];
  /** What the archives themselves refused: status and address. */
  readonly failed: readonly string[];
  readonly bytes: number;
  close(): Promise<void>;
}

const PORT = 3128;
/** Of a request, what an archive needs to know. */
const HEADERS = ['range', 'if-range', 'if-modified-since', 'user-agent', 'accept', 'cache-control'];

/** Adds a station with that address; it goes with the LAN, the proxy by `close`. */
export async function startPackageProxy(
  lan: Lan,
  { archives, address, directory }: { archives: readonly Archive[]; address: string; directory: string },
): Promise<PackageProxy> {
  const proxyEnv = await readAptProxy();
  const agents = {
    'http:': new PlainAgent({ keepAlive: true, proxyEnv }),
    'https:': new SecureAgent({ keepAlive: true, proxyEnv }),
  };
  const seen = { fetched: [] as string[], refused: [] as string[], failed: [] as string[], bytes: 0 };
  const server = createServer((request, response) => {
    const target =
      request.method === 'GET' || request.method === 'HEAD' ? inArchive(request.url ?? '', archives) : undefined;
    if (!target) {
      seen.refused.push(`${request.method} ${request.url}`);
      response.writeHead(403).end();
      return;
    }
    const secure = target.protocol === 'https:';
    const headers = Object.fromEntries(HEADERS.flatMap((name) => [[name, request.headers[name]]]).filter(([, v]) => v));
    const options = { method: request.method, headers, agent: agents[secure ? 'https:' : 'http:'] };
    const upstream = (secure ? secureRequest : plainRequest)(target, options, (answer) => {
      const { statusCode = 502 } = answer;
      if (statusCode >= 400) seen.failed.push(`${statusCode} ${target.pathname}`);
      else if (statusCode === 200) seen.fetched.push(target.pathname);
      answer.on('data', (chunk: Buffer) => {
        seen.bytes += chunk.length;
      });
      response.writeHead(statusCode, answer.headers);
      pipeline(answer, response, () => {});
    });
    upstream.on('error', (error) => {
      seen.failed.push(`${error.message} ${target.pathname}`);
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    });
    upstream.end();
  });
  const socket = join(directory, 'proxy.sock');
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(socket, resolve));
  const station = await lan.attach('proxy', address);
  const program = fileURLToPath(new URL('proxy-door.ts', import.meta.url));
  const door = station.start(process.execPath, [program, station.address, `${PORT}`, socket], {
    logPath: join(directory, 'proxy.log'),
  });
  await door.waitForLog(/^listening$/m, 15_000);
  return {
    url: `http://${station.address}:${PORT}`,
    ...seen,
    get bytes() {
      return seen.bytes;
    },
    async close() {
      server.closeAllConnections();
      for (const agent of Object.values(agents)) agent.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Where a request of a proxy's client leads: below one of the archives, by the scheme that apt uses for it. */
export function inArchive(url: string, archives: readonly Archive[]): URL | undefined {
  if (!URL.canParse(url)) return undefined;
  const asked = new URL(url);
  for (const { uri } of archives) {
    const archive = new URL(uri);
    // URL has resolved dots in the path already, encoded ones as well.
    if (asked.host !== archive.host || !asked.pathname.startsWith(archive.pathname)) continue;
    return new URL(asked.pathname, archive);
  }
  return undefined;
}

/** What machines tell by HTTP: that an installation ended, how far it is, what they are. */
import type { IncomingMessage } from 'node:http';
import { ASSET_FACTS, type AssetFact } from '../boot/facts.ts';
import { parseTokenPath } from '../boot/token-path.ts';
import { AppError } from '../errors.ts';
import { type Mac, parseMac } from '../net/mac.ts';

/** Whoever keeps deployments and seen machines. Throw `AppError` `not-found`, `deployment-ended`, `store-failed`. */
export interface BootReports {
  /** Resolves when the end is on disk. @param log what the machine sent, at most `LOG_MAX_BYTES` */
  callback(token: string, outcome: 'succeeded' | 'failed', log: string): Promise<unknown>;
  beacon(token: string, word: string): unknown;
  /** What iPXE read from SMBIOS; only about machines that were seen by DHCP. */
  discover(mac: Mac, facts: ReportedFacts): unknown;
}

export interface ReportedFacts {
  readonly uuid?: string;
  readonly smbios: Partial<Record<AssetFact, string>>;
}

/** As much of a log as is kept: its end, where the failure is. */
export const LOG_MAX_BYTES = 64 * 1024;
/** More than that is no log. */
const BODY_MAX_BYTES = 8 * 1024 * 1024;
const FACT_MAX = 200;

/** What is answered: one line, whatever was told. Undefined for a path that tells nothing. */
export async function takeReport(
  request: IncomingMessage,
  path: string,
  reports: BootReports,
): Promise<{ readonly line: string } | undefined> {
  const said = parseTokenPath(path);
  if (said?.kind === 'callback') {
    await reports.callback(said.token, said.outcome, await readLog(request));
    return { line: 'Thank you.' };
  }
  if (said?.kind === 'beacon') {
    reports.beacon(said.token, said.word);
    return { line: 'Thank you.' };
  }
  const mac = /^discover\/([^/]+)$/.exec(path)?.[1];
  const machine = mac === undefined ? undefined : parseMac(mac);
  if (!machine) return undefined;
  reports.discover(machine, factsOf(request.url ?? ''));
  // iPXE runs what it fetches: nothing to do, go on.
  return { line: '#!ipxe' };
}

function factsOf(target: string): ReportedFacts {
  const query = new URLSearchParams(target.slice(target.indexOf('?') + 1));
  const read = (name: string) => cleanFact(query.get(name) ?? undefined);
  const uuid = cleanUuid(read('uuid'));
  const entries = ASSET_FACTS.map((name) => [name, read(name)] as const).filter(([, value]) => value !== undefined);
  const smbios = Object.fromEntries(entries) as Partial<Record<AssetFact, string>>;
  return { smbios, ...(uuid && { uuid }) };
}

/** SMBIOS texts hold anything. */
export function cleanFact(said: string | undefined): string | undefined {
  const text = said
    ?.replace(/\p{Cc}/gu, '')
    .trim()
    .slice(0, FACT_MAX);
  return text === '' ? undefined : text;
}

export function cleanUuid(said: string | undefined): string | undefined {
  const uuid = said?.toLowerCase();
  return uuid && /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid) ? uuid : undefined;
}

/** The last `LOG_MAX_BYTES` of the body, as text. */
async function readLog(request: IncomingMessage): Promise<string> {
  let kept: Buffer = Buffer.alloc(0);
  let total = 0;
  for await (const chunk of request) {
    total += (chunk as Buffer).length;
    if (total > BODY_MAX_BYTES) throw new AppError('body-too-large', 'A log of more than 8 MiB is not taken.');
    kept = Buffer.concat([kept, chunk as Buffer]).subarray(-LOG_MAX_BYTES);
  }
  return kept.toString('utf8');
}

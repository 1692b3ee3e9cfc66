/** What became of a request to the boot door: one event, and the same as one line in the log. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { BootEvent, RecordEvent } from '../boot/event.ts';
import { redactToken } from '../boot/token-path.ts';
import type { Mac } from '../net/mac.ts';

/** Request and its answer, as the event tells it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly ip: string;
  readonly mac: Mac | undefined;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

export type Outcome = Pick<BootEvent, 'kind' | 'summary'> &
  Partial<BootEvent> & {
    /** `template …`, `image …`, `upload …`, `report`. */
    readonly origin?: string;
    /** MACs a body named: facts, and no more. */
    readonly saidMacs?: readonly Mac[];
  };

/** Text that came from outside, as it is recorded. */
export interface Told {
  readonly path: string;
  readonly summary: string;
}

/** Characters of a path that are recorded: strangers choose it, and thousands of events wait in memory. */
const MAX_RECORDED = 1000;
const MAX_USER_AGENT = 200;
const MAX_RANGE = 100;

export interface BootRecordDeps {
  readonly record: RecordEvent;
  readonly log: Pick<Logger, 'info' | 'warn'>;
  readonly now: () => number;
}

/** Makes text fit to be recorded. */
export function toldOf(path: string, summary: string): Told {
  const fitting = (text: string) => redactToken(text).slice(0, MAX_RECORDED);
  return { path: fitting(path), summary: fitting(summary) };
}

/** @returns what records an outcome; `told` must be fit to be recorded */
export function createBootRecord({ record, log, now }: BootRecordDeps) {
  return (
    exchange: Exchange,
    { path, summary }: Told,
    { origin, saidMacs, ...outcome }: Omit<Outcome, 'summary'>,
  ): void => {
    const { request, response, ip, mac, startedAt } = exchange;
    const { 'user-agent': userAgent, range } = request.headers;
    const fields: Omit<BootEvent, 'summary'> = {
      at: now(),
      ip,
      path,
      ms: Math.round((performance.now() - startedAt) * 100) / 100,
      ...(mac && { mac }),
      ...outcome,
      detail: {
        method: request.method ?? '',
        status: response.statusCode,
        ...(origin !== undefined && { origin }),
        ...(saidMacs && { saidMacs }),
        ...(userAgent !== undefined && { userAgent: userAgent.slice(0, MAX_USER_AGENT) }),
        ...(range !== undefined && { range: range.slice(0, MAX_RANGE) }),
      },
    };
    record({ ...fields, summary });
    if (outcome.kind === 'http.failed') log.warn(fields, summary);
    else log.info(fields, summary);
  };
}

/** Starts test/support/datagram-agent.ts in a namespace and waits for what it reports. */

import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { AgentCommand, AgentReport, AgentSetup } from './datagram-agent.ts';
import type { Lan } from './netns.ts';

type ReportOf<K extends AgentReport['kind']> = Extract<AgentReport, { kind: K }>;

export interface Agent {
  /** Everything reported so far. */
  readonly reports: readonly AgentReport[];
  tell(command: AgentCommand): void;
  /** The next report of the kind that was not handed out before; rejects after `timeoutMs` (default 10 000). */
  next<K extends AgentReport['kind']>(kind: K, timeoutMs?: number): Promise<ReportOf<K>>;
  /** Reports of one kind so far. */
  all<K extends AgentReport['kind']>(kind: K): ReportOf<K>[];
  /** Stops the process in the middle of its work, or lets it go on. */
  hold(isHeld: boolean): void;
  /** Ends the process and waits for it, so that its ports are free again. */
  [Symbol.asyncDispose](): Promise<void>;
}

const SCRIPT = fileURLToPath(new URL('./datagram-agent.ts', import.meta.url));

/** Resolves when the agent has opened what it could; `before` is put in front of the command, as `setpriv …`. */
export async function startAgent(
  lan: Lan,
  host: string,
  setup: AgentSetup,
  before: readonly string[] = [],
): Promise<Agent> {
  const command = [...before, process.execPath, '--no-warnings', SCRIPT, JSON.stringify(setup)];
  const child = lan.spawn(host, command);
  const agent = followAgent(child);
  try {
    await agent.next('ready', 20_000);
    return agent;
  } catch (error) {
    await agent[Symbol.asyncDispose]();
    throw error;
  }
}

function followAgent(child: ChildProcessWithoutNullStreams): Agent {
  const reports: AgentReport[] = [];
  const given = new Set<AgentReport>();
  const waiting = new Set<() => void>();
  const stderr: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  createInterface({ input: child.stdout }).on('line', (line) => {
    reports.push(JSON.parse(line) as AgentReport);
    for (const wake of waiting) wake();
  });

  const all = <K extends AgentReport['kind']>(kind: K) =>
    reports.filter((report): report is ReportOf<K> => report.kind === kind);
  return {
    reports,
    all,
    tell: (command) => child.stdin.write(`${JSON.stringify(command)}\n`),
    next: (kind, timeoutMs = 10_000) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = all(kind).find((report) => !given.has(report));
          if (!found) return;
          given.add(found);
          finish();
          resolve(found);
        };
        const finish = () => {
          clearTimeout(timer);
          waiting.delete(look);
        };
        const timer = setTimeout(() => {
          finish();
          const text = Buffer.concat(stderr).toString();
          reject(new Error(`no ${kind} within ${timeoutMs} ms; reported ${JSON.stringify(reports)}; ${text}`));
        }, timeoutMs);
        waiting.add(look);
        look();
      }),
    hold: (isHeld) => void child.kill(isHeld ? 'SIGSTOP' : 'SIGCONT'),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null || child.signalCode !== null) return resolve();
        child.once('exit', () => resolve());
        child.kill('SIGKILL');
      }),
  };
}

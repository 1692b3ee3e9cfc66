/** Child processes of the lab: short commands, and long-running ones which never outlive the process that started them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

/** A command that did not end with status 0; `message` holds the command line and what it wrote to stderr. */
export class CommandError extends Error {
  constructor(command: string, args: readonly string[], reason: string) {
    super(`${[command, ...args].join(' ')}: ${reason}`);
    this.name = 'CommandError';
  }
}

/** Root's own login has `ip` and `dnsmasq` on its PATH; `su` and some containers leave the two last directories out. */
export function searchPath(): string {
  return [process.env.PATH ?? '/usr/bin:/bin', '/usr/sbin', '/sbin'].join(':');
}

/** Runs a command to its end and returns its standard output. Throws CommandError. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly timeoutMs?: number } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = {
      timeout: options.timeoutMs ?? 30_000,
      maxBuffer: 64 * 1024 * 1024,
      // Output is parsed, so it must not be in the operator's language.
      env: { ...process.env, PATH: searchPath(), LC_ALL: 'C' },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    };
    execFile(command, [...args], settings, (error, stdout, stderr) => {
      if (error) reject(new CommandError(command, args, stderr.trim() || error.message));
      else resolve(stdout);
    });
  });
}

/** A long-running child with its output in a file. */
export interface Daemon {
  readonly pid: number;
  readonly logPath: string;
  /** Settles when the process has ended: its exit status, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  running(): boolean;
  /** Everything written so far. */
  log(): Promise<string>;
  /** Resolves when the log matches; rejects when the process ends first or after `timeoutMs`. */
  waitForLog(pattern: RegExp, timeoutMs: number): Promise<void>;
  /** Sends SIGTERM, after three seconds SIGKILL, to this process only. */
  close(): Promise<void>;
}

export interface DaemonOptions {
  readonly logPath: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Starts a process with stdout and stderr in `logPath`. `setpriv --pdeathsig` lets the kernel end it when we die,
 * even by SIGKILL, so no machine is left running without an owner.
 */
export function startDaemon(command: string, args: readonly string[], options: DaemonOptions): Daemon {
  const log = openSync(options.logPath, 'a');
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', command, ...args], {
    stdio: ['ignore', log, log],
    env: { ...process.env, PATH: searchPath(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  return superviseChild(child, command, options.logPath);
}

function superviseChild(child: ChildProcess, command: string, logPath: string): Daemon {
  let alive = true;
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('error', () => resolve(127));
    child.once('exit', (code, signal) => resolve(signal ?? code ?? 0));
  }).finally(() => {
    alive = false;
  });
  const readLog = () => readFile(logPath, 'utf8').catch(() => '');
  return {
    pid: child.pid ?? 0,
    logPath,
    ended,
    running: () => alive,
    log: readLog,
    async waitForLog(pattern, timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        // Looked at before the log is read: what a process says last is not missed.
        const over = !alive;
        const text = await readLog();
        if (pattern.test(text)) return;
        if (over) throw new Error(`${command} ended before it was ready:\n${text.slice(-2000)}`);
        if (performance.now() > deadline) {
          throw new Error(`${command} did not say ${pattern} within ${timeoutMs} ms:\n${text.slice(-2000)}`);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    async close() {
      if (alive) {
        child.kill('SIGTERM');
        const killer = setTimeout(() => child.kill('SIGKILL'), 3000);
        await ended;
        clearTimeout(killer);
      }
    },
  };
}

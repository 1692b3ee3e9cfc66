/** DOOR: TFTP in a thread of its own, and what happens when that thread ends: another one, and in the end the portable door. */
import type { ServedAddress } from './listeners.ts';
import { createTftpServer, type TftpCounters, type TftpServer, type TftpServerDeps } from './server.ts';
import { startThread, type ThreadDeps } from './thread.ts';

export interface FastTftpDeps
  extends TftpServerDeps,
    Pick<ThreadDeps, 'closeDescriptor' | 'quiet' | 'script' | 'sleepMs'> {}

export interface TftpDoorStatus {
  readonly kind: 'fast' | 'portable';
  /** Why it is this one. */
  readonly reason: string;
}

/** Either door, and which one it is. */
export interface TftpDoor extends TftpServer {
  door(): TftpDoorStatus;
}

/** A thread that ends more often than this is not started again. */
const MOST_RESTARTS = 3;

/** `openListener` and `transport` are for the portable door, which takes over when threads do not stay. */
export function createFastTftpServer(deps: FastTftpDeps): TftpDoor {
  const { log } = deps;
  let status: TftpDoorStatus = { kind: 'fast', reason: 'a thread of its own, in batches' };
  let addresses: readonly ServedAddress[] = [];
  let before: TftpCounters | undefined;
  let restarts = 0;
  let closing = false;
  let settled: Promise<void> = Promise.resolve();
  let current: TftpServer = begin();

  function begin(): TftpServer {
    const thread = startThread(deps);
    settled = thread.ready.then(async (answer) => {
      if (answer.kind === 'unavailable' && !closing) await fallBack(answer.reason);
    });
    void thread.over.then((reason) => {
      if (reason === undefined || closing || status.kind === 'portable') return;
      log.error({ restarts, err: reason }, `TFTP: the fast door's thread ended: ${reason}`);
      before = sum(before, thread.counters());
      if (restarts++ < MOST_RESTARTS) current = begin();
      else current = portable(`its thread ended ${restarts} times, the last time with: ${reason}`);
      void current.setAddresses(addresses);
    });
    return thread;
  }

  async function fallBack(reason: string): Promise<void> {
    if (status.kind === 'portable') return;
    current = portable(reason);
    await current.setAddresses(addresses);
  }

  function portable(reason: string): TftpServer {
    status = { kind: 'portable', reason: `no fast door: ${reason}` };
    log.warn({ reason }, `TFTP: the fast door cannot be had, the portable one serves: ${reason}`);
    return createTftpServer(deps);
  }

  return {
    door: () => status,
    async setAddresses(wanted) {
      addresses = wanted;
      await settled;
      await current.setAddresses(wanted);
    },
    listeners: () => current.listeners(),
    transfers: () => current.transfers(),
    running: () => current.running(),
    counters: () => sum(before, current.counters()),
    async close(options) {
      closing = true;
      await current.close(options);
    },
  };
}

function sum(one: TftpCounters | undefined, other: TftpCounters): TftpCounters {
  if (!one) return other;
  const total = { ...other };
  for (const name of Object.keys(total) as (keyof TftpCounters)[])
    Object.assign(total, { [name]: one[name] + other[name] });
  return total;
}

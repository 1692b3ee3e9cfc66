/** One pull of an image at a time, across processes: a file that names its owner. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors.ts';

/**
 * Runs `work` while holding the lock. A lock whose process is gone is taken over.
 * @throws AppError `busy` naming the process that has it
 */
export async function withLock<T>(file: string, what: string, work: () => Promise<T>): Promise<T> {
  await mkdir(dirname(file), { recursive: true });
  if (!(await take(file))) {
    const owner = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
    if (owner > 0 && isAlive(owner))
      throw new AppError('busy', `${what} is being pulled already, by process ${owner}: wait for it, or end it.`);
    await rm(file, { force: true });
    if (!(await take(file))) throw new AppError('busy', `${what} is being pulled already: wait for it.`);
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<boolean> {
  return writeFile(file, `${process.pid}\n`, { flag: 'wx' }).then(
    () => true,
    async (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      // On a full disk there is a file, and no owner in it.
      await rm(file, { force: true });
      throw error;
    },
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** TFTP clients as the bench runs them: written in C where a compiler is, else in TypeScript. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../src/lab/command.ts';
import type { Station } from '../src/lab/lan.ts';
import type { TftpLoad, TftpLoadResult } from './tftp-load.ts';

/** Compiles `bench/<name>.c`; undefined where no C compiler is. */
export async function compile(name: string, directory: string): Promise<string | undefined> {
  const program = join(directory, name);
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  try {
    await run('cc', ['-O2', '-o', program, source]);
    return program;
  } catch {
    return undefined;
  }
}

/** As `TftpLoad`, and where the clients are: each at an address to itself from 127.1.0.1 on, or all at `from`. */
export type LoaderLoad = TftpLoad & { readonly from?: string; readonly rounds?: number };

/** Command line of the clients in C. */
export function loaderArguments(load: LoaderLoad): readonly string[] {
  const { server, clients, blksize, windowsize, retryMs, tries, timeoutMs, loss = 0, root, files } = load;
  const { from = '127.1.0.1', rounds = 1 } = load;
  const step = load.from === undefined ? 1 : 0;
  const numbers = [step, clients, blksize, windowsize, retryMs, tries, timeoutMs, loss, 1, rounds].map(String);
  return [server, from, ...numbers, ...files.map((name) => join(root, name))];
}

/** Runs a load to its end, at the latest after its `timeoutMs`. Clients in C cost less than what they measure. */
export async function fetchAll(station: Station, loader: string | undefined, load: TftpLoad): Promise<TftpLoadResult> {
  if (loader) return JSON.parse(await station.run(loader, loaderArguments(load))) as TftpLoadResult;
  const script = fileURLToPath(new URL('tftp-load.ts', import.meta.url));
  return JSON.parse(await station.run(process.execPath, [script, JSON.stringify(load)])) as TftpLoadResult;
}

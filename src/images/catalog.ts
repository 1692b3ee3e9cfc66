/** The catalogue of images: `boot-images/catalog/*.yaml`, the shipped files and the operator's own. */
import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { AppError, messageOf, type Problem } from '../errors.ts';
import { listBuilds } from './build.ts';
import { entrySchema, type ImageEntry } from './entry.ts';

const catalogSchema = z.strictObject({ images: z.array(entrySchema) });

/** The catalogue that ships with the program, beside the sources and beside the build. */
export const SHIPPED_CATALOG = resolve(import.meta.dirname, '../../boot-images/catalog');

/**
 * Every entry: the shipped ones, then those of `<imagesRoot>/catalog`, in order of file name. An operator's entry replaces
 * the shipped one of the same name.
 * @throws AppError `config-invalid` naming every problem with its line; `read-failed`
 */
export async function readCatalog(
  imagesRoot: string,
  shipped: string = SHIPPED_CATALOG,
): Promise<readonly ImageEntry[]> {
  const own = join(imagesRoot, 'catalog');
  const places = (await sameDirectory(shipped, own)) ? [shipped] : [shipped, own];
  const entries = new Map<string, ImageEntry>();
  const problems: Problem[] = [];
  for (const place of places) {
    const here = new Map<string, string>();
    for (const file of await listFiles(place, place === shipped)) {
      const text = await readFile(file, 'utf8').catch((cause: unknown) => {
        throw new AppError('read-failed', `cannot read the catalogue: ${messageOf(cause)}`, { cause });
      });
      const parsed = parseCatalog(file, text);
      problems.push(...parsed.problems);
      for (const entry of parsed.entries) {
        const other = here.get(entry.name);
        if (other !== undefined)
          problems.push({
            severity: 'error',
            file,
            message: `"${entry.name}" stands in ${basename(other)} already`,
            advice: 'Rename one.',
          });
        here.set(entry.name, file);
        entries.set(entry.name, entry);
      }
    }
  }
  problems.push(...clashes([...entries.values()]));
  if (problems.length > 0) throw new AppError('config-invalid', 'the catalogue of images has problems', { problems });
  return [...entries.values()];
}

/** @param file name for messages */
export function parseCatalog(
  file: string,
  text: string,
): { readonly entries: readonly ImageEntry[]; readonly problems: readonly Problem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const faults: Problem[] = [...document.errors, ...document.warnings].map((fault) => ({
    severity: 'error',
    file,
    ...place(fault.pos[0]),
    message: fault.message,
  }));
  if (faults.length > 0) return { entries: [], problems: faults };
  const parsed = catalogSchema.safeParse(document.toJS());
  if (parsed.success) return { entries: parsed.data.images, problems: [] };
  const problems = parsed.error.issues.map((issue): Problem => {
    const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    let at: unknown;
    for (let length = path.length; length > 0 && !isNode(at); length--)
      at = document.getIn(path.slice(0, length), true);
    const offset = isNode(at) ? at.range?.[0] : undefined;
    return {
      severity: 'error',
      file,
      ...(offset !== undefined && place(offset)),
      path: path.join('.'),
      message: issue.message,
    };
  });
  return { entries: [], problems };
}

/** Two images for one place: whoever came last would silently win. */
function clashes(entries: readonly ImageEntry[]): Problem[] {
  const owners = new Map<string, string>();
  const problems: Problem[] = [];
  for (const { reference, to } of entries
    .flatMap(listBuilds)
    .flatMap((build) => build.files.map((file) => ({ reference: build.reference, to: file.to })))) {
    const owner = owners.get(to);
    if (owner !== undefined)
      problems.push({
        severity: 'error',
        file: 'catalog',
        message: `${owner} and ${reference} both go to ${to}`,
        advice: 'Give each a place of its own, for example with {version} or {arch} in it.',
      });
    owners.set(to, reference);
  }
  return problems;
}

async function listFiles(directory: string, needed: boolean): Promise<readonly string[]> {
  const names = await readdir(directory).catch((cause: NodeJS.ErrnoException) => {
    if (!needed && cause.code === 'ENOENT') return [];
    throw new AppError('read-failed', `cannot read the catalogue ${directory}: ${messageOf(cause)}`, { cause });
  });
  return names
    .filter((name) => /\.ya?ml$/.test(name) && !name.startsWith('.'))
    .sort()
    .map((name) => join(directory, name));
}

async function sameDirectory(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => realpath(path).catch(() => undefined)));
  return a !== undefined && a === b;
}

/** The catalogue of loaders: which package of the distribution holds which file, and where under `boot-images/` it belongs. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { AppError, messageOf, type Problem } from '../errors.ts';

/** A relative path of plain segments: no `..`, no `.`, no empty one, no backslash. */
const relativePath = z
  .string()
  .regex(/^[\w+@-][\w.+@-]*(\/[\w+@-][\w.+@-]*)*$/, 'not a relative path of plain names (letters, digits, . _ + @ -)');

const loaderSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'lower case letters, digits and dashes'),
  /** Package name as apt knows it. */
  package: z.string().regex(/^[a-z0-9][a-z0-9.+-]+(:[a-z0-9-]+)?$/, 'not a package name'),
  licence: z.string().min(1),
  about: z.string().min(1),
  /** `from` inside the package, without the leading slash; `to` below `boot-images/`. */
  files: z.array(z.strictObject({ from: relativePath, to: relativePath })).min(1),
});

const catalogSchema = z.strictObject({ loaders: z.array(loaderSchema) });

export type LoaderEntry = z.output<typeof loaderSchema>;

/** One file of the catalogue with the package it is in. */
export interface LoaderSource {
  readonly package: string;
  readonly from: string;
  readonly to: string;
}

/** The catalogue that ships with the program, beside the sources and beside the build. */
const SHIPPED_CATALOG = resolve(import.meta.dirname, '../../boot-images/catalog');

/**
 * Reads `loaders.yaml` of a catalogue directory.
 * @throws AppError `config-invalid` naming every problem; `read-failed` when there is no such file.
 */
export async function readLoaderCatalog(directory: string = SHIPPED_CATALOG): Promise<readonly LoaderEntry[]> {
  const file = join(directory, 'loaders.yaml');
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppError('read-failed', `cannot read the catalogue of loaders: ${messageOf(cause)}`, { cause });
  });
  return parseLoaderCatalog(file, text);
}

/** @param file name for messages. @throws AppError `config-invalid` naming every problem. */
export function parseLoaderCatalog(file: string, text: string): readonly LoaderEntry[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const faults: Problem[] = [...document.errors, ...document.warnings].map((fault) => {
    const { line, col } = lines.linePos(fault.pos[0]);
    return { severity: 'error', file, line, column: col, message: fault.message };
  });
  if (faults.length > 0) throw invalid(file, faults);
  const parsed = catalogSchema.safeParse(document.toJS());
  if (!parsed.success) {
    throw invalid(
      file,
      parsed.error.issues.map(({ path, message }) => ({ severity: 'error', file, path: path.join('.'), message })),
    );
  }
  const places = parsed.data.loaders.flatMap((loader) => loader.files.map(({ to }) => to));
  const twice = places.filter((place, index) => places.indexOf(place) !== index);
  if (twice.length > 0) {
    throw invalid(
      file,
      twice.map((place) => ({ severity: 'error', file, message: `two entries go to ${place}`, advice: 'Remove one.' })),
    );
  }
  return parsed.data.loaders;
}

/** Every file of the catalogue, in its order. */
export function listSources(loaders: readonly LoaderEntry[]): readonly LoaderSource[] {
  return loaders.flatMap((loader) => loader.files.map(({ from, to }) => ({ package: loader.package, from, to })));
}

function invalid(file: string, problems: readonly Problem[]): AppError {
  return new AppError('config-invalid', `the catalogue of loaders ${file} has problems`, { problems });
}

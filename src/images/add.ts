/** An operator's own image: an entry written into `boot-images/catalog/`, so that it can be pulled, verified and removed like the shipped ones. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { AppError, messageOf } from '../errors.ts';
import { parseCatalog, readCatalog } from './catalog.ts';
import { entrySchema, imageName } from './entry.ts';

export interface NewImage {
  readonly name: string;
  /** Local files, or addresses that all begin alike. */
  readonly files: readonly string[];
  /** One for each file, in the same order; needed for addresses unless there is a list. */
  readonly sha256?: readonly string[] | undefined;
  /** Address of the publisher's list of digests. */
  readonly checksums?: string | undefined;
  readonly kind?: string | undefined;
  readonly about?: string | undefined;
  readonly licence?: string | undefined;
  readonly profile?: string | undefined;
}

/**
 * Writes `catalog/<name>.yaml`; pulls nothing.
 * @returns the file
 * @throws AppError `already-exists`, `request-invalid`, `config-invalid`
 */
export async function addImage(imagesRoot: string, image: NewImage, catalogDirectory?: string): Promise<string> {
  const { name, files } = image;
  if (!imageName.safeParse(name).success)
    throw new AppError('request-invalid', `"${name}" cannot be a name: lower case letters, digits, dots and dashes.`);
  const entries = await readCatalog(imagesRoot, catalogDirectory);
  const target = join(imagesRoot, 'catalog', `${name}.yaml`);
  if (entries.some((entry) => entry.name === name) || (await stat(target).catch(() => undefined)))
    throw new AppError(
      'already-exists',
      `The catalogue has "${name}" already. Choose another name, or change ${target}.`,
    );
  const entry = {
    name,
    kind: image.kind ?? 'system',
    about: image.about ?? `added from ${files.map((file) => basename(file)).join(', ')}`,
    licence: image.licence ?? 'not stated',
    ...(image.profile !== undefined && { profile: image.profile }),
    ...(await sourceOf(image)),
  };
  const text = stringify({ images: [entry] });
  const { problems } = parseCatalog(target, text);
  if (problems.length > 0) throw new AppError('config-invalid', `"${name}" cannot be added like that`, { problems });
  entrySchema.parse(entry);
  const temporary = `${target}.${randomUUID()}`;
  try {
    await mkdir(dirname(target), { recursive: true });
    await writeFile(temporary, text);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new AppError('write-failed', `${target} cannot be written: ${messageOf(error)}`, { cause: error });
  }
  return target;
}

async function sourceOf({ name, files, sha256 = [], checksums }: NewImage): Promise<object> {
  const remote = files.filter((file) => /^https?:\/\//.test(file));
  if (remote.length > 0 && remote.length < files.length)
    throw new AppError('request-invalid', 'Give local files or addresses, not both: one image has one source.');
  if (sha256.length > 0 && sha256.length !== files.length)
    throw new AppError('request-invalid', `${files.length} files and ${sha256.length} digests: give one for each.`);
  const directories = new Set(
    files.map((file) => (remote.length > 0 ? new URL('.', file).href : dirname(resolve(file)))),
  );
  const [directory = ''] = directories;
  if (directories.size > 1)
    throw new AppError(
      'request-invalid',
      `They are in several places: ${[...directories].join(', ')}. Add one image for each.`,
    );
  const rows = files.map((file, index) => {
    const from = remote.length > 0 ? basename(new URL(file).pathname) : basename(file);
    return { from, to: `${name}/${from}`, ...(sha256[index] !== undefined && { sha256: sha256[index] }) };
  });
  if (remote.length === 0) {
    for (const file of files) {
      const there = await stat(file).catch(() => undefined);
      if (!there?.isFile()) throw new AppError('request-invalid', `${file} is no file.`);
    }
    return { source: { directory }, files: rows };
  }
  if (sha256.length === 0 && checksums === undefined)
    throw new AppError(
      'request-invalid',
      'What comes over the network needs a proof: --sha256 for each file, or --checksums with the publisher’s list.',
    );
  return { source: { url: directory }, ...(checksums !== undefined && { verify: { checksums } }), files: rows };
}

/** Values that nobody reads back: files under `data/secrets/`, outside of git, or the environment. Templates alone see them. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.ts';
import { removeDurably, stageFile } from './atomic-write.ts';

export interface Secrets {
  /** `web01/root-password` goes before `root-password` for host `web01`, a file before the environment. */
  read(name: string, host: string | undefined): string | undefined;
  list(): Promise<readonly { readonly name: string; readonly changedAt: number }[]>;
  /** @throws AppError `request-invalid` (name, value), `disk-full`, `write-failed` */
  write(name: string, value: string): Promise<void>;
  /** False when there was none. @throws AppError `write-failed` */
  remove(name: string): Promise<boolean>;
  /** The text with every value that is long enough to be told from chance taken out. */
  redact(text: string): string;
}

const PART = '[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?';
/** A name, or a host's name and a name. */
const NAME = new RegExp(`^(?:${PART}/)?${PART}$`);
const VALUE_MAX = 64 * 1024;
const REDACTED_MIN = 6;

/** @param root `data/secrets` @param env `HOBNAIL_SECRET_ROOT_PASSWORD` is `root-password` */
export function createSecrets(root: string, env: Readonly<Record<string, string | undefined>>): Secrets {
  const fileOf = (name: string) => join(root, ...name.split('/'));

  // Read when it is asked for: few and small, and never in memory longer than a file is rendered.
  const readOne = (name: string): string | undefined => {
    if (!NAME.test(name)) return undefined;
    try {
      return readFileSync(fileOf(name), 'utf8').replace(/\r?\n$/, '');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR' && code !== 'EISDIR') {
        throw new AppError(
          'read-failed',
          `The secret "${name}" cannot be read (${code ?? 'unknown'}). Check its owner and mode.`,
        );
      }
      return env[`HOBNAIL_SECRET_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`];
    }
  };

  const names = (): readonly string[] => {
    const entries = (directory: string) => {
      try {
        return readdirSync(directory, { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'));
      } catch {
        return [];
      }
    };
    return entries(root).flatMap((entry) =>
      entry.isDirectory()
        ? entries(join(root, entry.name)).flatMap((one) => (one.isDirectory() ? [] : [`${entry.name}/${one.name}`]))
        : [entry.name],
    );
  };

  return {
    read: (name, host) => (host === undefined ? undefined : readOne(`${host}/${name}`)) ?? readOne(name),
    list: async () =>
      names()
        .filter((name) => NAME.test(name))
        .sort()
        .map((name) => ({ name, changedAt: Math.floor(statSync(fileOf(name)).mtimeMs) })),
    async write(name, value) {
      if (!NAME.test(name)) throw new AppError('request-invalid', `"${name}" is no name of a secret: ${ADVICE}`);
      if (value === '' || Buffer.byteLength(value) > VALUE_MAX) {
        throw new AppError('request-invalid', 'A secret has 1 to 65,536 bytes.');
      }
      await mkdir(root, { recursive: true, mode: 0o700 });
      await (await stageFile(fileOf(name), value, undefined, 0o600)).commit();
    },
    async remove(name) {
      if (!NAME.test(name) || !names().includes(name)) return false;
      await removeDurably(fileOf(name));
      return true;
    },
    redact: (text) =>
      names()
        .map((name) => readOne(name))
        .filter((value) => value !== undefined && value.length >= REDACTED_MIN)
        .sort((a, b) => (b?.length ?? 0) - (a?.length ?? 0))
        .reduce<string>((left, value) => left.replaceAll(value ?? '', '********'), text),
  };
}

const ADVICE =
  'use lower-case letters, digits, dots, hyphens, and a host’s name with a slash in front for that host alone.';

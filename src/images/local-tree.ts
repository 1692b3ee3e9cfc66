/** Files and trees of a local directory, copied to where they can be moved in from. */
import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readlink, realpath, symlink } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { AppError, messageOf } from '../errors.ts';
import type { Staged } from './archive.ts';
import type { BuildFile } from './build.ts';
import { diskError } from './place.ts';

/** @throws AppError `read-failed`, `image-invalid`, `disk-full` */
export async function copyTree(
  root: string,
  wanted: readonly BuildFile[],
  staging: string,
): Promise<readonly Staged[]> {
  const staged: Staged[] = [];
  const take = async (from: string, to: string, tree: Tree | undefined): Promise<void> => {
    const source = join(root, from);
    const entry = await lstat(source);
    const file = join(staging, to);
    if (entry.isDirectory() && tree !== undefined) {
      for (const name of await readdir(source)) await take(posix.join(from, name), posix.join(to, name), tree);
      return;
    }
    await mkdir(dirname(file), { recursive: true });
    if (entry.isSymbolicLink() && tree !== undefined) {
      const target = await readlink(source);
      if (await leadsOut(source, target, to, tree))
        throw new AppError('image-invalid', `${source}: the link to ${target} leads out of what is taken.`);
      await symlink(target, file);
      staged.push({ file, to, link: true });
      return;
    }
    if (entry.isDirectory()) throw new AppError('image-invalid', `${source} is a directory: give it "tree: true".`);
    // A clone where the file system can: images are large.
    await copyFile(source, file, constants.COPYFILE_FICLONE);
    staged.push({ file, to });
  };
  for (const { from, to, tree } of wanted) {
    try {
      await take(from, to, tree ? { from: join(root, from), to } : undefined);
    } catch (error) {
      if (error instanceof AppError) throw error;
      const cause = { cause: error };
      throw diskError(error, staging) ?? new AppError('read-failed', `${join(root, from)}: ${messageOf(error)}`, cause);
    }
  }
  return staged;
}

/** A directory taken whole: where it is, and what it becomes. */
interface Tree {
  readonly from: string;
  readonly to: string;
}

/**
 * Both by what is written in the link, which is what the copy will have, and by where it ends on this disk: a directory on
 * the way may be a link itself.
 */
async function leadsOut(source: string, target: string, to: string, tree: Tree): Promise<boolean> {
  const isIn = (path: string, root: string) => path === root || path.startsWith(`${root}/`);
  if (target.startsWith('/')) return true;
  if (!isIn(posix.normalize(posix.join(posix.dirname(to), target)), tree.to)) return true;
  const end = await realpath(source).catch(() => undefined);
  // What leads nowhere leads out of nothing.
  return end !== undefined && !isIn(end, await realpath(tree.from));
}

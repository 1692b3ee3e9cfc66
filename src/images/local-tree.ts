/** Files and trees of a local directory, copied to where they can be moved in from. */
import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
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
  const take = async (from: string, to: string, tree: string | undefined): Promise<void> => {
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
      const leads = posix.normalize(posix.join(posix.dirname(to), target));
      if (target.startsWith('/') || !(leads === tree || leads.startsWith(`${tree}/`)))
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
      await take(from, to, tree ? to : undefined);
    } catch (error) {
      if (error instanceof AppError) throw error;
      const cause = { cause: error };
      throw diskError(error, staging) ?? new AppError('read-failed', `${join(root, from)}: ${messageOf(error)}`, cause);
    }
  }
  return staged;
}

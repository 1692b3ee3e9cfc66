/** Revisions as entity tags (RFC 9110 §13.1): nobody overwrites what they have not seen. */
import { AppError } from '../errors.ts';

export function formatRevision(revision: string): string {
  return `"${revision}"`;
}

/**
 * The revision a change of an existing object is made on.
 * @param ifMatch the header: `"abc"`, a list, or `*` for whatever is there
 * @param current revision of the object as it is
 * @throws AppError `revision-required` without the header, `revision-stale` when it names another
 */
export function chooseRevision(ifMatch: string | undefined, current: string, what: string): string {
  if (ifMatch === undefined) {
    throw new AppError('revision-required', `Read ${what} first and send its ETag as If-Match.`);
  }
  if (ifMatch.trim() === '*') return current;
  const tags = Array.from(ifMatch.matchAll(/(W\/)?"([^"]*)"/g), ([, weak, tag]) => (weak ? undefined : tag));
  if (tags.includes(current)) return current;
  throw new AppError('revision-stale', `${what} has changed meanwhile. Read it again and repeat the change.`);
}

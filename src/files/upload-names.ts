/**
 * Names of kept versions: `<name>.<UTC time>-<n>`, as in `router1-confg.20260314T092653Z-1`. `n` counts from 1 within a
 * second. In the order of time they are in the order of the alphabet, but for more than nine in one second.
 */

export interface Version {
  /** The name with its ending. */
  readonly file: string;
  /** `20260314T092653Z` */
  readonly stamp: string;
  readonly n: number;
}

/** Longest name before the ending: file systems take 255 bytes. */
export const NAME_MAX_BYTES = 200;

const ENDING = /^\.([0-9]{8}T[0-9]{6}Z)-([1-9][0-9]{0,8})$/;

/** The newest of `name`'s versions among the entries of its directory. */
export function newestVersion(name: string, entries: readonly string[]): Version | undefined {
  let newest: Version | undefined;
  for (const file of entries) {
    if (!file.startsWith(name)) continue;
    const [, stamp, n] = ENDING.exec(file.slice(name.length)) ?? [];
    if (stamp === undefined || n === undefined) continue;
    const version = { file, stamp, n: Number(n) };
    if (!newest || stamp > newest.stamp || (stamp === newest.stamp && version.n > newest.n)) newest = version;
  }
  return newest;
}

/** The version after `newest`. A clock that was set back makes none that looks older than it is. */
export function nextVersion(name: string, nowMs: number, newest: Version | undefined): Version {
  const now = new Date(nowMs)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:]/g, '');
  const stamp = newest && newest.stamp > now ? newest.stamp : now;
  const n = newest?.stamp === stamp ? newest.n + 1 : 1;
  return { file: `${name}.${stamp}-${n}`, stamp, n };
}

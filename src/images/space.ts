/** Is there room? Asked before the first byte is fetched. */
import { mkdir, statfs } from 'node:fs/promises';
import { AppError } from '../errors.ts';

/** What is left free for everybody else: leases and events may lie on the same disk. */
const RESERVE_BYTES = 64 * 1024 * 1024;

/** @throws AppError `disk-full` when `bytes` do not fit with something to spare */
export async function requireSpace(directory: string, bytes: number, what: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const { bavail, bsize } = await statfs(directory);
  const free = bavail * bsize;
  if (bytes + RESERVE_BYTES <= free) return;
  throw new AppError(
    'disk-full',
    `${what} needs ${formatBytes(bytes)}, and ${directory} has ${formatBytes(free)} free (${formatBytes(RESERVE_BYTES)} are kept): free some, "hobnail images gc" shows what can go`,
  );
}

const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.4 GiB` */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${UNITS[unit]}`;
}

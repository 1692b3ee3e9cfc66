/** What the file system threw while an upload was stored, as an error that tells the operator what to change. */
import { AppError, messageOf } from '../errors.ts';

/** @param file relative to the root of uploads. An `AppError` passes unchanged. */
export function uploadError(file: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const code = (cause as NodeJS.ErrnoException).code ?? messageOf(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') {
    const advice = 'Free some space under paths.uploads.';
    return new AppError('disk-full', `the upload ${file} was not stored: the disk is full. ${advice}`, { cause });
  }
  return new AppError('write-failed', `the upload ${file} was not stored (${code}). ${adviceFor(code)}`, { cause });
}

function adviceFor(code: string): string {
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return 'Give the user Hobnail runs as the right to write to paths.uploads, on a file system with hard links.';
    case 'EROFS':
      return 'Its file system is mounted read-only: set paths.uploads to another.';
    case 'EXDEV':
      return 'All of paths.uploads must be one file system.';
    default:
      return 'Look at the disk under paths.uploads.';
  }
}

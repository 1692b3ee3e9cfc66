/** How a file is called in problems: relative to the working directory when it is below it. */
import { relative } from 'node:path';
import { isInside } from './confined.ts';

export function labelOf(file: string): string {
  const here = process.cwd();
  return isInside(here, file) ? relative(here, file) : file;
}

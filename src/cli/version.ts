/** The version of this build. */
import { readFileSync } from 'node:fs';

/** Reads `package.json` two folders up: the same place from `src/cli` and from `dist/cli`. */
export function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : '0';
}

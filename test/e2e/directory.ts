/** A directory for one test file; it stays when HOBNAIL_E2E_KEEP=1. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestDirectory {
  readonly path: string;
  close(): Promise<void>;
}

export async function makeDirectory(label: string): Promise<TestDirectory> {
  const path = await mkdtemp(join(tmpdir(), `hobnail-e2e-${label}-`));
  // Some tests run the appliance as another user.
  await chmod(path, 0o755);
  return {
    path,
    async close() {
      if (process.env.HOBNAIL_E2E_KEEP === '1') console.log(`kept: ${path}`);
      else await rm(path, { recursive: true, force: true });
    },
  };
}

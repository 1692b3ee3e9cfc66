/** What loaders and kernels under `boot-images/` say of themselves: read from their first bytes, through the same confinement as all files. */
import { PE_HEAD_BYTES, type PeImage, readPe } from '../boot/pe.ts';
import { openConfined } from './confined.ts';

/** @param paths below the root; what is not there, or cannot be read, is left out */
export async function readPeImages(root: string, paths: Iterable<string>): Promise<ReadonlyMap<string, PeImage>> {
  const images = new Map<string, PeImage>();
  for (const path of new Set(paths)) {
    const found = await openConfined(root, path).catch(() => undefined);
    if (found?.kind !== 'file') continue;
    try {
      const { buffer, bytesRead } = await found.handle.read(Buffer.alloc(PE_HEAD_BYTES), 0, PE_HEAD_BYTES, 0);
      images.set(path, readPe(buffer.subarray(0, bytesRead), found.stats.size));
    } catch {
      // A disk fault is told when a machine asks for the file; here it only leaves the question open.
    } finally {
      await found.handle.close();
    }
  }
  return images;
}

/** What a machine with Secure Boot would refuse, said before it does. */
import type { Catalog } from './catalog.ts';
import type { Host } from './host.ts';
import { describePe } from './pe.ts';
import type { Profile } from './profile.ts';

/** A verdict on one file, for `explain` and `check`. */
export interface SecureBootVerdict {
  /** Path under `boot-images/`. */
  readonly image: string;
  readonly good: boolean;
  readonly because: string;
}

/**
 * What shim and GRUB will say of the profile's kernel on this host; empty when the host has no Secure Boot, or the kernel is
 * not one of our files.
 */
export function judgeKernel(
  host: Pick<Host, 'secureBoot'> | undefined,
  profile: Profile | undefined,
  catalog: Pick<Catalog, 'images'>,
): readonly SecureBootVerdict[] {
  if (host?.secureBoot !== true || profile?.kernel === undefined) return [];
  const image = profile.kernel;
  const pe = catalog.images.get(image);
  if (!pe) return [];
  const good = pe.kind === 'pe' && pe.signed;
  const refused = `${image} is ${describePe(pe)}: shim refuses it under Secure Boot ("bad shim signature")`;
  return [{ image, good, because: good ? `${image} is ${describePe(pe)}` : refused }];
}

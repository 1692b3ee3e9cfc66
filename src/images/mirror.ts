/** Where an address is really fetched from: itself, or a mirror for sites without a way out. */

/**
 * With a mirror, `https://host/path` is `<mirror>/host/path`, whether the mirror is an address or a directory. Proofs are the
 * same as without: a mirror cannot pass off what the catalogue's digests and signatures do not allow.
 */
export function throughMirror(url: string, mirror: string | undefined): string {
  if (mirror === undefined || url.startsWith('/')) return url;
  const { host, pathname, search } = new URL(url);
  const base = mirror.replace(/\/+$/, '');
  if (!base.startsWith('/')) return `${base}/${host}${pathname}${search}`;
  const path = decodeURIComponent(pathname);
  // An address from the network must not climb out of the mirror.
  return `${base}/${host}${path.split('/').includes('..') ? pathname : path}`;
}

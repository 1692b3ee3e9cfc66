/** One virtual path in the form each loader fetches it by. */

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Absolute URL of a virtual path; an absolute URL stays as it is. */
export function fileUrl(base: string, path: string): string {
  return ABSOLUTE.test(path) ? path : `${base}/${encodePath(path)}`;
}

const FORMS = {
  /** Relative to the directory PXELINUX came from, which is the root. */
  pxelinux: (path: string) => (ABSOLUTE.test(path) ? path : path.replace(/^\/+/, '')),
  /** From the root of the device GRUB came from; `http://host:port/x` becomes `(http,host:port)/x`. */
  grub: (path: string) => {
    const [, host, rest = '/'] = /^http:\/\/([^/]+)(\/.*)?$/i.exec(path) ?? [];
    if (host) return `(http,${host})${rest}`;
    if (ABSOLUTE.test(path)) throw new TypeError(`GRUB fetches by TFTP and http only, not ${JSON.stringify(path)}`);
    return `/${path.replace(/^\/+/, '')}`;
  },
} as const;

/** Path as `loader` writes it. Throws `TypeError` for a loader or path that has no such form. */
export function filePath(loader: string, path: string): string {
  if (loader !== 'pxelinux' && loader !== 'grub') {
    throw new TypeError(`there is no path form for "${loader}"; use pxelinux or grub, or fileUrl`);
  }
  return FORMS[loader](path);
}

/** Percent-encodes each segment and leaves what firmware likes to see as it is (`:`, `@`, `+`, `=`, `,`). */
function encodePath(path: string): string {
  return path
    .replace(/^\/+/, '')
    .split('/')
    .map((segment) => encodeURIComponent(segment).replace(/%(?:3A|40|2B|3D|2C)/g, decodeURIComponent))
    .join('/');
}

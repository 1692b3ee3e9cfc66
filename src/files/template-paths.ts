/** One virtual path in the form each loader fetches it by. */

const ABSOLUTE = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Absolute URL of a virtual path; an absolute URL stays as it is. */
export function fileUrl(base: string, path: string): string {
  return ABSOLUTE.test(path) ? path : `${base}/${encodePath(path)}`;
}

/** Absolute URL of a file under `boot-images/`. Throws `TypeError` for what cannot be one. */
export function assetUrl(base: string, path: string): string {
  const plain = path.replace(/^\/+/, '');
  if (ABSOLUTE.test(path) || plain === '' || plain.split('/').some((part) => part === '..' || part.startsWith('.'))) {
    throw new TypeError(`${JSON.stringify(path)} is no file of boot-images; write debian/linux, or use fileUrl`);
  }
  return fileUrl(base, plain);
}

const FORMS = {
  /** Relative to the directory PXELINUX came from, which is the root. */
  pxelinux: (path: string) => (ABSOLUTE.test(path) ? path : path.replace(/^\/+/, '')),
  /** U-Boot puts the directory of its boot file before every path, also absolute ones; it fetches from one server only. */
  extlinux: (path: string) => {
    if (ABSOLUTE.test(path)) throw new TypeError(`U-Boot fetches from this server only, not ${JSON.stringify(path)}`);
    return path.replace(/^\/+/, '');
  },
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
  if (!Object.hasOwn(FORMS, loader)) {
    throw new TypeError(`there is no path form for "${loader}"; use ${Object.keys(FORMS).join(', ')}, or fileUrl`);
  }
  return FORMS[loader as keyof typeof FORMS](path);
}

/** Percent-encodes each segment and leaves what firmware likes to see as it is (`:`, `@`, `+`, `=`, `,`). */
function encodePath(path: string): string {
  return path
    .replace(/^\/+/, '')
    .split('/')
    .map((segment) => encodeURIComponent(segment).replace(/%(?:3A|40|2B|3D|2C)/g, decodeURIComponent))
    .join('/');
}

/** Media type of a file by its name. UEFI HTTP boot reads the type to know what it got (EDK2 HttpBootDxe). */

const TYPES: Readonly<Record<string, string>> = {
  efi: 'application/efi',
  iso: 'application/vnd.efi-iso',
  img: 'application/vnd.efi-img',
  ipxe: 'text/plain; charset=utf-8',
  cfg: 'text/plain; charset=utf-8',
  conf: 'text/plain; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  ks: 'text/plain; charset=utf-8',
  sh: 'text/x-shellscript; charset=utf-8',
  xml: 'application/xml; charset=utf-8',
  json: 'application/json',
  ign: 'application/vnd.coreos.ignition+json',
  yaml: 'application/yaml',
  yml: 'application/yaml',
};

/** `initrd.img` is no disk image, whatever its ending says: firmware would make a RAM disk of it. */
const INITRD = /^initrd|^initramfs/;

/** Type by extension; without a known one `application/octet-stream`. */
export function contentTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  const extension = name.slice(name.lastIndexOf('.') + 1);
  const type = Object.hasOwn(TYPES, extension) && name.includes('.') ? TYPES[extension] : undefined;
  return type === undefined || (extension === 'img' && INITRD.test(name)) ? 'application/octet-stream' : type;
}

/** Type of a rendered file: from the extension under `.hbs`, plain text without one. */
export function templateTypeOf(template: string): string {
  const type = contentTypeOf(template.replace(/\.hbs$/, ''));
  return type === 'application/octet-stream' ? 'text/plain; charset=utf-8' : type;
}

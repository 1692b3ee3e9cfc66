/** A kernel with its arguments, as PXELINUX, GRUB and others write it → a profile. Never one that could wipe a disk unasked. */
import type { PlainObject } from '../boot/edit.ts';

export interface BootEntry {
  readonly title?: string | undefined;
  readonly kernel: string;
  readonly initrd: readonly string[];
  readonly args: readonly string[];
}

/** Arguments and paths by which installers are known: they may write to disks by themselves. */
const INSTALLER =
  /(?:^|\s)(?:auto(?:=|-install)|priority=critical|preseed\/|url=\S*preseed|(?:inst\.)?ks=|inst\.(?:repo|stage2)|autoinstall|autoyast|install=|coreos\.inst|ignition\.|flatcar\.first_boot|talos\.config|proxmox-start-auto|alpine_repo=|url=)|(?:^|\/)(?:d-i|debian-installer|installer|netboot|install)(?:\/|$)/i;

/** Systems known to run from memory: no installer among them. */
const HARMLESS = /memtest|rescue|(?:^|\/)(?:grml|clonezilla|gparted|tinycore|sysresc)/i;

/**
 * An entry that looks like an installer becomes `install`, which is served only when armed; so does one that cannot be told.
 * @param doubt told when it cannot be told
 */
export function profileOf(entry: BootEntry, doubt: () => void): PlainObject {
  const { title, kernel, initrd, args } = entry;
  const all = [kernel, ...initrd, ...args].join(' ');
  const isInstaller = INSTALLER.test(all);
  const harmless = !isInstaller && HARMLESS.test(`${all} ${title ?? ''}`);
  if (!isInstaller && !harmless) doubt();
  return {
    ...(title !== undefined && title !== '' && { title }),
    kind: harmless ? 'rescue' : isInstaller ? 'install' : 'live',
    // Whoever cannot tell must not guess: until an operator says that it writes to no disk, it is served only when armed.
    ...(!isInstaller && !harmless && { destructive: true }),
    kernel: imagePath(kernel),
    ...(initrd.length > 0 && { initrd: initrd.map(imagePath) }),
    // Braces would be taken for a template.
    ...(args.length > 0 && { args: args.map((arg) => arg.replaceAll('{{', '\\{{')) }),
  };
}

/** Under `boot-images/`, or the URL as it is. `::name` and `//` are PXELINUX's ways to say "from the root". */
export function imagePath(path: string): string {
  if (/^[a-z]+:\/\//i.test(path)) return path;
  return path
    .replace(/^(?:\(tftp\)|\(http\)|\([^)]*\)|::|tftp:)/i, '')
    .replaceAll('\\', '/')
    .replace(/\/{2,}/g, '/')
    .replace(/^(?:\.?\/)+/, '');
}

/** Splits a command line at blanks outside quotes; the quotes stay, they are the kernel's. */
export function splitArgs(text: string): string[] {
  return text.match(/(?:[^\s"']|"[^"]*"|'[^']*'|["'])+/g) ?? [];
}

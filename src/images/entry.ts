/** An entry of the catalogue: what an image is, where it comes from, how it is proved, what is taken out of it. */
import { z } from 'zod';
import { GRUB_FORMATS } from './grub.ts';

/** A relative path of plain segments: no `..`, no `.`, no empty one, no backslash; `{version}` and the like are filled in. */
const pattern = z
  .string()
  .regex(
    /^[\w+@{~-][\w.+@{}~-]*(\/[\w+@{~-][\w.+@{}~-]*)*$/,
    'not a relative path of plain names (letters, digits, . _ + @ ~ - and {version}, {series}, {arch}, {theirs})',
  );

const httpUrl = z.string().regex(/^https?:\/\/[^\s]+$/, 'not an http:// or https:// address');
const sha256 = z
  .string()
  .regex(/^[0-9a-fA-F]{64}$/, 'not a SHA-256: 64 hexadecimal digits')
  .transform((text) => text.toLowerCase());
const packageName = z.string().regex(/^[a-z0-9][a-z0-9.+-]+(:[a-z0-9-]+)?$/, 'not a package name');

/** Names become parts of paths and of references such as `ubuntu@24.04.5/amd64`. */
export const imageName = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/, 'lower case letters, digits, dots and dashes');
export const imageVersion = z.string().regex(/^[A-Za-z0-9][\w.+~-]{0,62}$/, 'letters, digits, . _ + ~ -');

/** `to` below `boot-images/`; of a tree the directory it goes to. */
const fileSchema = z.strictObject({
  from: pattern,
  to: pattern,
  sha256: sha256.optional(),
  /** `from` is a directory of an ISO, a tar or a local directory, and everything below it is taken. */
  tree: z.boolean().default(false),
});

/** Where the files are; `from` of each is a path inside. */
const sourceSchema = z.union([
  /** A package of the distribution, with apt's own sources, keys and signatures; `:arm64` behind the name for another architecture. */
  z.strictObject({ deb: packageName }),
  /** Each file below an address. */
  z.strictObject({ url: httpUrl }),
  /** Inside an ISO image, by address or local path. */
  z.strictObject({ iso: z.string().min(1) }),
  /** Inside a tar archive (plain, gzip, zstd), by address or local path. */
  z.strictObject({ tar: z.string().min(1) }),
  /** A JSON document in which `from`, names joined by dots, leads to `{ location, sha256 }`. */
  z.strictObject({ index: httpUrl }),
  /** A GRUB made with the modules of a package, see `grub.ts`; its one file is `grub.efi`. */
  z.strictObject({ grub: z.enum(GRUB_FORMATS), modules: packageName }),
  /** A local directory, absolute. */
  z.strictObject({ directory: z.string().regex(/^\//, 'not an absolute path') }),
]);

/** Keys that a signature must be by: a keyring in a package of the distribution, or a file. */
const keyringSchema = z.union([
  z.strictObject({ deb: packageName, file: pattern }),
  z.strictObject({ file: z.string().regex(/^\//, 'not an absolute path') }),
]);

const verifySchema = z.strictObject({
  /** The publisher's list of digests: SHA256SUMS, CHECKSUM, .treeinfo, a `.sha256` beside the file (`{file}.sha256`). */
  checksums: z.string().min(1).optional(),
  /** Of the list, or without one of each file (`{file}.sig`); `inline` when the list is signed in itself. */
  signature: z.string().min(1).optional(),
  keyring: keyringSchema.optional(),
  /** Fingerprint that must have signed; default: any key of the keyring. */
  fingerprint: z
    .string()
    .regex(/^[0-9A-Fa-f]{40}$/, 'not a fingerprint: 40 hexadecimal digits')
    .transform((text) => text.toUpperCase())
    .optional(),
});

export const IMAGE_KINDS = ['loader', 'system', 'tool'] as const;
export type ImageKind = (typeof IMAGE_KINDS)[number];

export const entrySchema = z
  .strictObject({
    name: imageName,
    kind: z.enum(IMAGE_KINDS),
    /** One line for people. */
    about: z.string().min(1),
    /** Of the files, not of Hobnail. */
    licence: z.string().min(1),
    /** The first is the default; another may be asked for, as `name@version`. */
    versions: z.array(imageVersion).default([]),
    /** Ours → the publisher's name for it; the first is the default. */
    architectures: z.record(z.string().regex(/^[a-z0-9]+$/), z.string().regex(/^[\w-]+$/)).default({}),
    source: sourceSchema,
    verify: verifySchema.default({}),
    files: z.array(fileSchema).min(1),
    /** Brought by `images pull` without names, and by `npm start`. */
    default: z.boolean().default(false),
    /** What it goes with. */
    profile: z.string().optional(),
    templates: z.array(z.string()).default([]),
    /** What an operator has to know. */
    notes: z.string().optional(),
  })
  .superRefine((entry, context) => {
    const fault = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    const { verify, source, files } = entry;
    const fetched = remoteOf(source);
    if (fetched === undefined && Object.keys(verify).length > 0)
      fault(['verify'], 'apt and local files need no verify here: remove it, or give sha256 for each file');
    if (verify.signature !== undefined && verify.keyring === undefined)
      fault(['verify', 'keyring'], 'is missing: a signature proves something only with the keys it must be by');
    if (verify.keyring !== undefined && verify.signature === undefined)
      fault(['verify', 'signature'], 'is missing: the keyring has nothing to check');
    if (verify.signature === 'inline' && verify.checksums === undefined)
      fault(['verify', 'checksums'], 'is missing: "inline" is a list that is signed in itself');
    const pinned = 'url' in source && files.every((file) => file.sha256 !== undefined);
    if (fetched !== undefined && !('index' in source) && !pinned && !verify.checksums && !verify.signature)
      fault(['verify'], 'what comes over the network needs checksums, a signature, or sha256 for each file');
    for (const [index, { tree, from }] of files.entries()) {
      if (tree && !('iso' in source || 'tar' in source || 'directory' in source))
        fault(['files', String(index), 'tree'], `"${from}" can be a tree only inside an iso, a tar or a directory`);
    }
  });

export type ImageEntry = Readonly<z.output<typeof entrySchema>>;
export type ImageSource = ImageEntry['source'];
export type ImageVerify = ImageEntry['verify'];
export type Keyring = z.output<typeof keyringSchema>;

/** The address an image is fetched from; undefined for packages and local files. */
export function remoteOf(source: ImageSource): string | undefined {
  const place =
    'url' in source
      ? source.url
      : 'iso' in source
        ? source.iso
        : 'tar' in source
          ? source.tar
          : 'index' in source
            ? source.index
            : undefined;
  return place !== undefined && /^https?:/.test(place) ? place : undefined;
}

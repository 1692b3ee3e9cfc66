/** How an image is proved: digests of the catalogue, the publisher's list, its signature. What is not proved is not installed. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, messageOf } from '../errors.ts';
import type { ImageBuild } from './build.ts';
import { type Digest, findDigest } from './checksums.ts';
import type { Keyring } from './entry.ts';
import { findUnpacked, type PackageSource } from './packages.ts';
import { digestOf } from './place.ts';
import { checkSignature, type RunGpgv } from './signature.ts';

export interface ProofDeps {
  /** Fetches a small file whole, to `file`. */
  readonly fetchTo: (url: string, file: string) => Promise<void>;
  readonly packages: PackageSource;
  /** Whether a mirror stands for the publisher: an unsigned list is then the mirror's word. */
  readonly mirrored: boolean;
  /** Exists; for lists, signatures and keys. */
  readonly work: string;
  readonly runGpgv?: RunGpgv | undefined;
}

/** A digest and who told it, in words. */
export interface ToldDigest {
  readonly digest: Digest;
  readonly by: string;
}

/** Proves fetched files of one build. */
export interface Prover {
  /**
   * @param path as the catalogue has it, or the name at the end of the address
   * @param expected digest that is known already, and who told it
   * @returns how, in words
   * @throws AppError `image-unproved`
   */
  prove(
    file: string,
    path: string,
    url: string,
    expected?: ToldDigest,
    onBytes?: (bytes: number) => void,
  ): Promise<string>;
}

/** @throws AppError `image-unproved`, `fetch-failed` when the list or its signature cannot be had or does not hold */
export async function createProver(build: ImageBuild, base: string, deps: ProofDeps): Promise<Prover> {
  const { checksums, signature, keyring, fingerprint } = build.verify;
  const keys = keyring && (await findKeyring(keyring, deps));
  const shared = checksums !== undefined && !checksums.includes('{file}') ? await readList(checksums, base) : undefined;

  async function readList(name: string, at: string): Promise<{ text: string; how: string }> {
    const url = resolveUrl(name, at);
    const file = join(deps.work, `list-${safeName(url)}`);
    await deps.fetchTo(url, file);
    if (signature === undefined || keys === undefined || signature.includes('{file}'))
      return { text: await readFile(file, 'utf8'), how: overWhat(url, deps.mirrored) };
    if (signature === 'inline') {
      const signed = await checkSignature({ file, keyring: keys, fingerprint }, deps.runGpgv);
      return { text: signed.text, how: `list signed by ${signed.fingerprint}` };
    }
    const signatureFile = join(deps.work, `signature-${safeName(url)}`);
    await deps.fetchTo(resolveUrl(signature, at), signatureFile);
    const by = await checkSignature({ file, signature: signatureFile, keyring: keys, fingerprint }, deps.runGpgv);
    return { text: await readFile(file, 'utf8'), how: `list signed by ${by.fingerprint}` };
  }

  return {
    async prove(file, path, url, expected, onBytes) {
      const proofs: string[] = [];
      const demand = async (digest: Digest, how: string) => {
        const found = await digestOf(file, digest.algorithm, onBytes);
        if (found !== digest.hex)
          throw new AppError(
            'image-unproved',
            `${url} has the ${digest.algorithm.toUpperCase()} ${found}, and ${digest.hex} was promised (${how}). It was not installed.`,
          );
        proofs.push(`${digest.algorithm}, ${how}`);
      };
      if (expected) await demand(expected.digest, expected.by);
      if (checksums !== undefined) {
        const list = shared ?? (await readList(checksums.replaceAll('{file}', path), base));
        const digest = findDigest(list.text, path);
        if (!digest)
          throw new AppError(
            'image-unproved',
            `${resolveUrl(checksums, base)} has no digest for ${path}. It was not installed.`,
          );
        await demand(digest, list.how);
      }
      if (signature?.includes('{file}') && keys !== undefined) {
        const signatureFile = join(deps.work, `signature-${safeName(url)}`);
        await deps.fetchTo(resolveUrl(signature.replaceAll('{file}', path), base), signatureFile);
        const by = await checkSignature({ file, signature: signatureFile, keyring: keys, fingerprint }, deps.runGpgv);
        proofs.push(`signed by ${by.fingerprint}`);
      }
      if (proofs.length === 0)
        throw new AppError(
          'image-unproved',
          `${url}: nothing proves it. Give the entry a "verify", or the file a sha256.`,
        );
      return proofs.join('; ');
    },
  };
}

/** A list without a signature is as good as the way it came. */
export function overWhat(url: string, mirrored: boolean): string {
  if (mirrored) return 'unsigned list of the mirror';
  const { protocol, host } = new URL(url);
  return protocol === 'https:' ? `unsigned list over HTTPS from ${host}` : `unsigned list over plain HTTP from ${host}`;
}

/** `name` beside `base`, or an address of its own. */
export function resolveUrl(name: string, base: string): string {
  return /^https?:/.test(name) ? name : new URL(name, base).href;
}

async function findKeyring(keyring: Keyring, { packages, work }: ProofDeps): Promise<string> {
  if (!('deb' in keyring)) return dearmoured(keyring.file, work);
  const installed = await packages.findInstalled(keyring.file);
  if (installed !== undefined) return dearmoured(installed, work);
  const fetched = (await packages.fetch([keyring.deb], work)).get(keyring.deb);
  const found = fetched?.kind === 'unpacked' ? await findUnpacked(fetched.directory, keyring.file) : undefined;
  if (found !== undefined) return dearmoured(found, work);
  const reason = fetched?.kind === 'failed' ? fetched.reason : `it has no /${keyring.file}`;
  throw new AppError('image-unproved', `The keys of package ${keyring.deb} cannot be had: ${reason}.`);
}

/** gpgv reads keys in binary only; publishers offer them as text (RFC 9580 §6.2). */
async function dearmoured(file: string, work: string): Promise<string> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new AppError('image-unproved', `The keyring cannot be read: ${messageOf(cause)}.`, { cause });
  });
  if (!bytes.subarray(0, 200).includes('-----BEGIN PGP')) return file;
  const blocks = bytes
    .toString('latin1')
    .matchAll(/-----BEGIN PGP[^\n]*-----\r?\n(?:[^\r\n]+: [^\n]*\n)*\r?\n([\s\S]*?)-----END PGP/g);
  const keys = [...blocks].map(([, body = '']) => Buffer.from(body.replace(/^=.{4}\s*$/m, ''), 'base64'));
  const binary = join(work, `keys-${safeName(file)}.gpg`);
  await writeFile(binary, Buffer.concat(keys));
  return binary;
}

function safeName(text: string): string {
  return text.replace(/[^\w.-]+/g, '_').slice(-100);
}

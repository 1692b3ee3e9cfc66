/** OpenPGP signatures, checked by gpgv: the program apt itself trusts with this, and which is there wherever apt is. */
import { execFile } from 'node:child_process';
import { AppError } from '../errors.ts';

export interface SignatureCheck {
  /** What is signed; for a list signed in itself, the list. */
  readonly file: string;
  /** The detached signature; undefined for a list signed in itself. */
  readonly signature?: string | undefined;
  /** File of public keys, binary or armoured. */
  readonly keyring: string;
  /** Fingerprint that must have signed, of the key or of its primary key. */
  readonly fingerprint?: string | undefined;
}

/** What is said on gpgv's status channel (GnuPG doc/DETAILS). */
export interface GpgvResult {
  readonly status: string;
  readonly stderr: string;
  readonly code: number;
  /** The signed text of a list signed in itself. */
  readonly text: string;
}

export type RunGpgv = (args: readonly string[]) => Promise<GpgvResult>;

/**
 * @returns the fingerprint of the primary key that signed, and for an inline signature the text that was signed: nothing
 * outside of it may be believed
 * @throws AppError `image-unproved`
 */
export async function checkSignature(
  { file, signature, keyring, fingerprint }: SignatureCheck,
  run: RunGpgv = runGpgv,
): Promise<{ readonly fingerprint: string; readonly text: string }> {
  const args = ['--status-fd', '2', '--keyring', keyring, ...(signature === undefined ? ['--output', '-'] : [])];
  const { status, code, text } = await run([...args, '--', ...(signature === undefined ? [file] : [signature, file])]);
  const lines = status.split('\n').filter((line) => line.startsWith('[GNUPG:] '));
  const valid = lines
    .map((line) => line.split(' '))
    .filter(([, keyword]) => keyword === 'VALIDSIG')
    .map((words) => ({ key: words[2] ?? '', primary: words[11] ?? words[2] ?? '' }));
  const wanted = valid.find(
    ({ key, primary }) => fingerprint === undefined || fingerprint === key || fingerprint === primary,
  );
  // Several signatures: gpgv fails when one of them is by a key it does not have; one good one is enough, a bad one never is.
  const bad = lines.some((line) => /^\[GNUPG:\] (?:BADSIG|EXPSIG|EXPKEYSIG|REVKEYSIG) /.test(line));
  if (wanted && !bad && (code === 0 || lines.some((line) => /^\[GNUPG:\] GOODSIG /.test(line))))
    return { fingerprint: wanted.primary, text };
  throw new AppError('image-unproved', `The signature does not hold: ${whyNot(lines, valid, fingerprint)}.`);
}

function whyNot(
  lines: readonly string[],
  valid: readonly { readonly primary: string }[],
  fingerprint: string | undefined,
): string {
  const has = (keyword: string) => lines.find((line) => line.startsWith(`[GNUPG:] ${keyword} `))?.split(' ');
  if (has('BADSIG')) return 'what was signed is not what was fetched';
  if (has('EXPKEYSIG')) return 'the key that signed it has expired; a newer keyring may help';
  if (has('REVKEYSIG')) return 'the key that signed it was revoked';
  if (has('EXPSIG')) return 'the signature has expired';
  if (valid.length > 0) return `it is by ${valid[0]?.primary}, and ${fingerprint} was asked for`;
  const unknown = has('NO_PUBKEY') ?? has('ERRSIG');
  if (unknown) return `it is by key ${unknown[2]}, which the keyring does not have`;
  return 'there is no OpenPGP signature in it';
}

function runGpgv(args: readonly string[]): Promise<GpgvResult> {
  return new Promise((resolve, reject) => {
    const settings = { env: { ...process.env, LC_ALL: 'C' }, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile('gpgv', [...args], settings, (error, stdout, stderr) => {
      if (error && 'code' in error && error.code === 'ENOENT') {
        const advice = 'sudo apt-get install gpgv';
        reject(new AppError('image-unproved', `Signatures are checked by gpgv, which is not installed: ${advice}`));
        return;
      }
      resolve({ status: stderr, stderr, code: error ? (child.exitCode ?? -1) : 0, text: stdout });
    });
  });
}

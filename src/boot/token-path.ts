/**
 * Paths that carry a boot token, as they stand in rendered files: `t/<token>/<path>` is `<path>` for exactly the machine the
 * token was made for; `callback/<token>/succeeded`, `callback/<token>/failed` and `beacon/<token>/<word>` report.
 */

/** What the path says; a token is only text until it is verified. */
export type TokenPath =
  | { readonly kind: 'file'; readonly token: string; readonly path: string }
  | { readonly kind: 'callback'; readonly token: string; readonly outcome: 'succeeded' | 'failed' }
  | { readonly kind: 'beacon'; readonly token: string; readonly word: string };

/** What installers call an end; `success` and `failure` are what people write from memory. */
const OUTCOMES: Readonly<Record<string, 'succeeded' | 'failed'>> = {
  succeeded: 'succeeded',
  success: 'succeeded',
  failed: 'failed',
  failure: 'failed',
};

const TOKEN = /^[A-Za-z0-9_-]{20,200}$/;
/** A stage as the machine calls it. */
const WORD = /^[A-Za-z0-9._-]{1,64}$/;

/** Undefined for a path without a token. @param path without a leading slash */
export function parseTokenPath(path: string): TokenPath | undefined {
  const [first, token = '', ...rest] = path.split('/');
  if (!TOKEN.test(token)) return undefined;
  const [word = ''] = rest;
  if (first === 't' && rest.length > 0) return { kind: 'file', token, path: rest.join('/') };
  if (first === 'callback' && rest.length === 1) {
    const outcome = Object.hasOwn(OUTCOMES, word) ? OUTCOMES[word] : undefined;
    return outcome && { kind: 'callback', token, outcome };
  }
  return first === 'beacon' && rest.length === 1 && WORD.test(word) ? { kind: 'beacon', token, word } : undefined;
}

export function answerPath(token: string, path: string): string {
  return `t/${token}/${path.replace(/^\/+/, '')}`;
}

/** @param outcome `succeeded` or `failed` */
export function callbackPath(token: string, outcome: 'succeeded' | 'failed'): string {
  return `callback/${token}/${outcome}`;
}

export function beaconPath(token: string, word: string): string {
  return `beacon/${token}/${word}`;
}

/** For logs, events and previews: who reads them must not become the machine. */
export function redactToken(text: string): string {
  // With the separators that are normalized away: Windows loaders write `\`, GRUB doubles slashes.
  return text.replace(/\b((?:t|callback|beacon)(?:[/\\]+\.)*[/\\]+)[A-Za-z0-9_-]{20,200}(?=[/\\])/g, '$1…');
}

/** URLs in a rendered file that lead back to this server. */

export interface OwnUrl {
  /** Decoded, without a leading slash. */
  readonly path: string;
  /** From 1, where the URL begins. */
  readonly line: number;
  readonly column: number;
}

/** What ends a URL in any of the languages. */
const REST = '[^\\s"\'<>|;,)\\]}]*';

/**
 * @param bases `http://10.77.0.1:8080`, without a trailing slash
 * @returns no directories (installers add a name to them), none with a variable of the loader in it
 */
export function ownUrls(text: string, bases: readonly string[]): readonly OwnUrl[] {
  const found: OwnUrl[] = [];
  const escaped = bases.map((base) => base.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  const pattern = new RegExp(`(?:${escaped.join('|')})/(${REST})`, 'g');
  for (const [index, line] of text.split('\n').entries()) {
    for (const match of line.matchAll(pattern)) {
      const raw = (match[1] ?? '').replace(/[?#].*$/, '');
      if (raw === '' || raw.endsWith('/') || raw.includes('$')) continue;
      const path = decode(raw);
      if (path !== undefined) found.push({ path, line: index + 1, column: match.index + 1 });
    }
  }
  return found;
}

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

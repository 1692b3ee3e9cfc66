/** What a rewrite rule puts in place of what it found: text with captures and the asking machine's identity. */
import { ipv4ToHex, parseIpv4 } from '../net/ipv4.ts';
import { formatMac, type Mac } from '../net/mac.ts';
import type { PatternMatch } from './pattern-run.ts';

/** What is known of the machine that asks. */
export interface ReplacementFacts {
  readonly ip?: string | undefined;
  readonly mac?: Mac | undefined;
}

const IDENTITIES = ['ip', 'iphex', 'mac'] as const;
type Identity = (typeof IDENTITIES)[number];

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'group'; readonly group: number; readonly fold?: 'lower' | 'upper' }
  | { readonly kind: 'identity'; readonly identity: Identity };

export type Replacement = readonly Piece[];

const PIECE =
  /\$(?:(?<plain>\d)|\{(?:(?<fold>lower|upper):)?(?<braced>\d{1,2})\}|(?<dollar>\$))|:(?<identity>iphex|ip|mac)(?![A-Za-z0-9])/g;

/**
 * Reads `$1`, `${10}`, `${lower:1}`, `${upper:1}`, `$0` for all that was found, `$$` for a dollar sign, and `:ip`
 * (`10.77.0.5`), `:iphex` (`0A4D0005`), `:mac` (`52-54-00-aa-bb-cc`).
 * @param groups how many groups there are
 * @throws SyntaxError for a group that is not there and a lone `$`
 */
export function compileReplacement(source: string, groups: number): Replacement {
  const pieces: Piece[] = [];
  let end = 0;
  const text = (until: number) => {
    const between = source.slice(end, until);
    if (between.includes('$')) throw new SyntaxError(`"${source}": write $1, \${lower:1}, or $$ for a dollar sign`);
    if (between !== '') pieces.push({ kind: 'text', text: between });
  };
  for (const found of source.matchAll(PIECE)) {
    const { plain, fold, braced, dollar, identity } = found.groups ?? {};
    text(found.index);
    end = found.index + found[0].length;
    if (dollar) pieces.push({ kind: 'text', text: '$' });
    else if (identity) pieces.push({ kind: 'identity', identity: identity as Identity });
    else {
      const group = Number(plain ?? braced);
      if (group > groups) throw new SyntaxError(`"${source}": there is no group ${group} in "match"`);
      pieces.push({ kind: 'group', group, ...(fold && { fold: fold as 'lower' | 'upper' }) });
    }
  }
  text(source.length);
  return pieces;
}

/** Whether it is filled differently for different machines. */
export function namesAsker(replacement: Replacement): boolean {
  return replacement.some(({ kind }) => kind === 'identity');
}

/** The first identity the replacement needs and the machine does not have. */
export function missingIdentity(replacement: Replacement, facts: ReplacementFacts): Identity | undefined {
  for (const piece of replacement) {
    if (piece.kind === 'identity' && identityOf(piece.identity, facts) === undefined) return piece.identity;
  }
  return undefined;
}

/** The text for one match in `path`. */
export function fillReplacement(
  replacement: Replacement,
  path: string,
  match: PatternMatch,
  facts: ReplacementFacts,
): string {
  return replacement
    .map((piece) => {
      switch (piece.kind) {
        case 'text':
          return piece.text;
        case 'identity':
          return identityOf(piece.identity, facts) ?? '';
        case 'group': {
          const start = match[piece.group * 2];
          const end = match[piece.group * 2 + 1];
          const text = start === undefined || end === undefined ? '' : path.slice(start, end);
          return piece.fold ? foldCase(text, piece.fold) : text;
        }
        default:
          return piece satisfies never;
      }
    })
    .join('');
}

/** ASCII letters only: nothing else of a file name may change by a locale's rules. */
export function foldCase(text: string, to: 'lower' | 'upper'): string {
  return to === 'lower'
    ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    : text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function identityOf(identity: Identity, { ip, mac }: ReplacementFacts): string | undefined {
  switch (identity) {
    case 'ip':
      return ip;
    case 'iphex': {
      const ipv4 = ip === undefined ? undefined : parseIpv4(ip);
      return ipv4 && ipv4ToHex(ipv4);
    }
    case 'mac':
      return mac && formatMac(mac, 'hyphen');
    default:
      return identity satisfies never;
  }
}

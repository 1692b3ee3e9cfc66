/** File-route patterns: `pxelinux.cfg/01-:mac` → a matcher with captures. */
import { type Ipv4, parseIpv4 } from '../net/ipv4.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import type { FileRoute } from './routes-file.ts';

/** What a pattern took out of a path: text as asked, plus the typed values that identify a machine. */
export interface Captures {
  readonly text: Readonly<Record<string, string>>;
  readonly mac?: Mac;
  readonly uuid?: string;
  readonly ip?: Ipv4;
  readonly serial?: string;
}

export interface CompiledRoute {
  readonly route: FileRoute;
  /** Captures when `path` (already normalised) matches, else undefined. */
  match(path: string): Captures | undefined;
}

/** What each typed capture looks like in a path. */
const SHAPES: Readonly<Record<string, string>> = {
  mac: '(?:[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{12}|[0-9A-Fa-f]{4}(?:\\.[0-9A-Fa-f]{4}){2})',
  uuid: '[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}',
  iphex: '[0-9A-Fa-f]{8}',
  ip: '[0-9]{1,3}(?:\\.[0-9]{1,3}){3}',
  serial: '[0-9A-Za-z_-]+',
};

const CAPTURE_USE = /[:*]([a-z][A-Za-z]*)/g;

/** Compiles one row. Throws `SyntaxError` for a capture named twice or unknown to the row, and for a misplaced `*`. */
export function compileRoute(route: FileRoute): CompiledRoute {
  const names: string[] = [];
  let pattern = route.path.replace(/^\/+/, '');
  let source = '';
  if (pattern.startsWith('**/')) {
    source = '(?:[^/]+/)*';
    pattern = pattern.slice(3);
  }
  for (const part of pattern.split(/(:[a-z][A-Za-z]*|\*[a-z][A-Za-z]*$)/)) {
    const name = /^[:*]([a-z][A-Za-z]*)$/.exec(part)?.[1];
    if (name === undefined) {
      if (part.includes('*'))
        throw new SyntaxError(`"${route.path}" has a "*" that is no leading "**/" or last "*name"`);
      source += part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      continue;
    }
    if (names.includes(name)) throw new SyntaxError(`"${route.path}" captures "${name}" twice`);
    names.push(name);
    source += part.startsWith('*') ? '(.+)' : `(${SHAPES[name] ?? '[^/]+?'})`;
  }
  const target = route.image ?? route.upload ?? '';
  for (const [whole, name = ''] of target.matchAll(CAPTURE_USE)) {
    if (!names.includes(name)) throw new SyntaxError(`"${target}" uses ${whole}, which the path does not capture`);
  }
  const expression = new RegExp(`^${source}$`);
  return { route, match: (path) => capture(expression.exec(path), names) };
}

/** Puts captures into an `image:` path: `debian/*rest`, `pxelinux/:module.c32`. */
export function fillRoute(target: string, captures: Captures): string {
  return fill(target, captures.text);
}

/** The same for an `upload:` path, where one machine has one spelling: `52-54-00-aa-bb-cc`. */
export function fillUpload(target: string, captures: Captures): string {
  const { text, mac, uuid } = captures;
  return fill(target, { ...text, ...(mac && { mac: mac.replaceAll(':', '-') }), ...(uuid && { uuid }) });
}

function fill(target: string, values: Readonly<Record<string, string>>): string {
  return target.replace(CAPTURE_USE, (whole, name: string) => values[name] ?? whole);
}

function capture(found: RegExpExecArray | null, names: readonly string[]): Captures | undefined {
  if (!found) return undefined;
  const text = Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']));
  const mac = text.mac === undefined ? undefined : parseMac(text.mac);
  const ip = ipOf(text);
  // 52-54:00-… and 999.1.1.1 have the shape of an address without being one: not this row.
  if (text.mac !== undefined && !mac) return undefined;
  if ((text.ip !== undefined || text.iphex !== undefined) && !ip) return undefined;
  return {
    text,
    ...(mac && { mac }),
    ...(text.uuid !== undefined && { uuid: text.uuid.toLowerCase() }),
    ...(ip && { ip }),
    ...(text.serial !== undefined && { serial: text.serial }),
  };
}

function ipOf(text: Readonly<Record<string, string>>): Ipv4 | undefined {
  if (text.ip !== undefined) return parseIpv4(text.ip);
  if (text.iphex === undefined) return undefined;
  return parseIpv4((text.iphex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)).join('.'));
}

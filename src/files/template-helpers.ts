/** Every helper a template may call: hermetic, no clock, no randomness, no disk. Documented in `docs/templates.md`. */
import { stringify } from 'yaml';
import { answerPath, beaconPath, callbackPath } from '../boot/token-path.ts';
import { formatMac, type MacForm, parseMac } from '../net/mac.ts';
import { commandLine } from './template-cmdline.ts';
import { formatIpText } from './template-ip.ts';
import { assetUrl, filePath, fileUrl } from './template-paths.ts';
import { quote } from './template-quote.ts';

/** What a helper sees besides its parameters. */
export interface HelperScope {
  readonly httpBase: string;
  /** Of the deployment that lets the machine in; `PREVIEW_TOKEN` for others to look at; absent without a deployment. */
  readonly token?: string | undefined;
  /** A secret's value by its name; undefined for none. */
  readonly secret: ReadSecret;
}

export type ReadSecret = (name: string) => string | undefined;

/** In the place of a value that only the machine itself may see. Readers of password hashes take it for "no login". */
export const REDACTED = '********';
/** Looks like a token and is none. */
export const PREVIEW_TOKEN = 'shown-to-the-machine-only';

export type Helper = (scope: HelperScope, ...args: unknown[]) => unknown;

/** How many parameters a helper takes; `most` absent means any number. */
interface HelperEntry {
  readonly least: number;
  readonly most?: number;
  readonly run: Helper;
}

/** Throw `TypeError` for parameters they cannot take; the caller adds file, line and column. */
export const HELPERS: Readonly<Record<string, HelperEntry>> = {
  eq: exactly(2, (_, a, b) => a === b),
  ne: exactly(2, (_, a, b) => a !== b),
  and: { least: 2, run: (_, ...all) => all.every(isTrue) },
  or: { least: 2, run: (_, ...all) => all.some(isTrue) },
  not: exactly(1, (_, value) => !isTrue(value)),
  default: exactly(2, (_, value, fallback) => (isEmpty(value) ? fallback : value)),
  required: exactly(2, (_, value, message) => required(value, textOf(message))),
  list: { least: 0, run: (_, ...all) => all },
  concat: { least: 1, run: (_, ...all) => all.map(textOf).join('') },
  join: exactly(2, (_, list, separator) => listOf(list).map(textOf).join(textOf(separator))),
  upper: exactly(1, (_, text) => textOf(text).toUpperCase()),
  lower: exactly(1, (_, text) => textOf(text).toLowerCase()),
  replace: exactly(3, (_, text, from, to) => replaceAll(textOf(text), textOf(from), textOf(to))),
  indent: exactly(2, (_, columns, text) => indent(numberOf(columns), textOf(text))),
  json: { least: 1, most: 2, run: (_, value, columns = 0) => JSON.stringify(value, null, numberOf(columns)) },
  yaml: exactly(1, (_, value) => stringify(value, { lineWidth: 0 }).trimEnd()),
  b64: exactly(1, (_, text) => Buffer.from(textOf(text), 'utf8').toString('base64')),
  urlencode: exactly(1, (_, text) => encodeURIComponent(textOf(text))),
  quote: exactly(2, (_, target, text) => quote(textOf(target), textOf(text))),
  fileUrl: exactly(1, (scope, path) => fileUrl(scope.httpBase, textOf(path))),
  answerUrl: exactly(1, ({ httpBase, token }, path) => {
    const plain = textOf(path);
    return fileUrl(httpBase, token === undefined ? plain : answerPath(token, plain));
  }),
  callbackUrl: exactly(1, (scope, outcome) => callbackUrl(scope, textOf(outcome))),
  beaconUrl: exactly(1, (scope, word) => beaconUrl(scope, textOf(word))),
  secret: exactly(1, ({ secret }, name) => readSecret(secret, textOf(name))),
  asset: exactly(1, (scope, path) => assetUrl(scope.httpBase, textOf(path))),
  filePath: exactly(2, (_, loader, path) => filePath(textOf(loader), textOf(path))),
  cmdline: exactly(2, (_, loader, args) => commandLine(textOf(loader), listOf(args).map(textOf))),
  formatMac: exactly(2, (_, form, mac) => formatMacText(textOf(form), textOf(mac))),
  formatIp: exactly(2, (_, form, address) => formatIpText(textOf(form), textOf(address))),
};

export const HELPER_NAMES: readonly string[] = Object.keys(HELPERS);

/** Text of a value that has one; lists, objects and nothing have none. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value === undefined || value === null) throw new TypeError('a value is empty; give it one, or use "default"');
  throw new TypeError(`${Array.isArray(value) ? 'a list' : 'an object'} is no text; use join, json or yaml`);
}

/** Handlebars' truth: an empty list is false as well. */
function isTrue(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function required(value: unknown, message: string): unknown {
  if (isEmpty(value)) throw new TypeError(message);
  return value;
}

const NO_DEPLOYMENT = 'no deployment lets this machine in; ask {{#if deployment}} before';

function callbackUrl({ httpBase, token }: HelperScope, outcome: string): string {
  if (outcome !== 'succeeded' && outcome !== 'failed') {
    throw new TypeError(`an installation ends as "succeeded" or "failed", not ${JSON.stringify(outcome)}`);
  }
  if (token === undefined) throw new TypeError(NO_DEPLOYMENT);
  return fileUrl(httpBase, callbackPath(token, outcome));
}

function beaconUrl({ httpBase, token }: HelperScope, word: string): string {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(word)) {
    throw new TypeError(`a beacon is one word of letters, digits, ".", "_" and "-", not ${JSON.stringify(word)}`);
  }
  if (token === undefined) throw new TypeError(NO_DEPLOYMENT);
  return fileUrl(httpBase, beaconPath(token, word));
}

function readSecret(secret: ReadSecret, name: string): string {
  const value = secret(name);
  if (value === undefined) throw new TypeError(`there is no secret ${JSON.stringify(name)}`);
  return value;
}

function exactly(count: number, run: Helper): HelperEntry {
  return { least: count, most: count, run };
}

function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('needs a list');
  return value;
}

function numberOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 40) {
    throw new TypeError('needs a number of columns from 0 to 40');
  }
  return value;
}

function replaceAll(text: string, from: string, to: string): string {
  if (from === '') throw new TypeError('cannot replace empty text');
  return text.replaceAll(from, () => to);
}

/** The first line stays: it stands where the template put it. Empty lines get no trailing blanks. */
function indent(columns: number, text: string): string {
  return text.replace(/\n(?=[^\n])/g, `\n${' '.repeat(columns)}`);
}

const MAC_FORMS: readonly string[] = ['colon', 'hyphen', 'dot', 'raw', 'upper', 'pxelinux'] satisfies MacForm[];

function formatMacText(form: string, text: string): string {
  const mac = parseMac(text);
  if (!mac) throw new TypeError(`${JSON.stringify(text)} is not a MAC address`);
  if (!MAC_FORMS.includes(form)) throw new TypeError(`"${form}" is no MAC form; use ${MAC_FORMS.join(', ')}`);
  return formatMac(mac, form as MacForm);
}

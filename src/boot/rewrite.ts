/** Rewrite rules: the name a machine asks for → the name it gets, before any file route is tried. */
import { findIpNetwork } from '../net/ip-network.ts';
import { hasMacPrefix } from '../net/mac.ts';
import { compilePattern, type PatternProgram } from './pattern.ts';
import { type Fuel, findMatch, type PatternMatch } from './pattern-run.ts';
import {
  compileReplacement,
  fillReplacement,
  foldCase,
  missingIdentity,
  namesAsker,
  type Replacement,
  type ReplacementFacts,
} from './replacement.ts';
import type { RewriteRule } from './routes-file.ts';

/** Who asks, and for what. */
export interface RewriteAsker extends ReplacementFacts {
  /** An upload: rules for reads do not apply, and the reverse. */
  readonly write?: boolean | undefined;
  /** The name was tried without the `whenAbsent` rules and nothing is there: now they apply as well. */
  readonly absent?: boolean | undefined;
}

export interface CompiledRewrite {
  readonly rule: RewriteRule;
  /** Undefined: every path matches. */
  readonly program?: PatternProgram;
  readonly replacement?: Replacement;
}

/** One rule, as it was tried. */
export interface RewriteStep {
  /** Place in the table, from 1. */
  readonly rule: number;
  readonly title: string;
  readonly applied: boolean;
  readonly because: string;
  /** The path afterwards. */
  readonly path: string;
}

/** `denied` by a rule, with the text for the client; `refused` because the table itself is at fault. */
export type Rewriting = { readonly steps: readonly RewriteStep[] } & (
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'denied'; readonly text: string; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string }
);

/** Longest path rules are tried on, and longest they may make. No loader asks for more; RFC 1350's request has 512. */
export const MAX_PATH = 512;
/** Rules that may apply to one request: a table that goes round in circles is cut here. */
const MAX_APPLIED = 64;
/** Steps of patterns one request may cost, some ten milliseconds at worst. */
const FUEL = 500_000;

/** @throws SyntaxError from a pattern (`field` "match") or replacement (`field` "replace") */
export function compileRewrite(rule: RewriteRule, fault: (field: 'match' | 'replace') => void): CompiledRewrite {
  fault('match');
  if (rule.match !== undefined && /^\^\/(?![*?{])/.test(rule.match)) {
    throw new SyntaxError(`"${rule.match}" never matches: paths have no "/" in front here; leave it out`);
  }
  const program = rule.match === undefined ? undefined : compilePattern(rule.match, { ignoreCase: rule.ignoreCase });
  fault('replace');
  const groups = rule.invert ? 0 : (program?.groups ?? 0);
  const replacement = rule.replace === undefined ? undefined : compileReplacement(rule.replace, groups);
  return { rule, ...(program && { program }), ...(replacement && { replacement }) };
}

/** Whether what a rule does depends on the machine that asks, not on the path alone. */
export function looksAtAsker({ rule, replacement }: CompiledRewrite): boolean {
  return (
    rule.networks !== undefined || rule.macs !== undefined || (replacement !== undefined && namesAsker(replacement))
  );
}

/**
 * Tries the rules in order on a path in normal form. The result is not in normal form: a rule may have made `..`.
 * Time is bounded whatever the rules and the path are.
 */
export function rewrite(path: string, asker: RewriteAsker, rules: readonly CompiledRewrite[]): Rewriting {
  const steps: RewriteStep[] = [];
  if (rules.length === 0) return { kind: 'path', path, steps };
  if (path.length > MAX_PATH) return { kind: 'refused', reason: `the path is longer than ${MAX_PATH}`, steps };
  const fuel: Fuel = { left: FUEL };
  let current = path;
  let applied = 0;
  for (let index = 0; index < rules.length; index++) {
    const compiled = rules[index];
    if (!compiled) break;
    const { rule } = compiled;
    const title = rule.title ?? rule.match ?? 'every path';
    const outcome = tryRule(compiled, current, asker, fuel);
    if (outcome.kind === 'exhausted') {
      return { kind: 'refused', reason: `rewrite rule ${index + 1} ("${title}") costs too much on this path`, steps };
    }
    if (outcome.kind === 'skipped') {
      steps.push({ rule: index + 1, title, applied: false, because: outcome.because, path: current });
      continue;
    }
    current = outcome.path;
    steps.push({ rule: index + 1, title, applied: true, because: outcome.because, path: current });
    if (rule.deny !== undefined) {
      return { kind: 'denied', text: rule.deny, reason: `rewrite rule ${index + 1} ("${title}") denies it`, steps };
    }
    if (current.length > MAX_PATH || ++applied > MAX_APPLIED) {
      return { kind: 'refused', reason: circleReason(index + 1, title, current), steps };
    }
    if (rule.next === 'stop') break;
    if (rule.next === 'restart') index = -1;
  }
  return { kind: 'path', path: current, steps };
}

type Tried =
  | { readonly kind: 'skipped'; readonly because: string }
  | { readonly kind: 'applied'; readonly path: string; readonly because: string }
  | { readonly kind: 'exhausted' };

function tryRule(compiled: CompiledRewrite, path: string, asker: RewriteAsker, fuel: Fuel): Tried {
  const { rule, program, replacement } = compiled;
  const unfit = unfitReason(rule, asker);
  if (unfit !== undefined) return { kind: 'skipped', because: unfit };
  const match = program ? findMatch(program, path, 0, fuel) : [0, path.length];
  if (match === 'exhausted') return { kind: 'exhausted' };
  if ((match === undefined) !== rule.invert) {
    return { kind: 'skipped', because: rule.invert ? 'it matches' : 'it does not match' };
  }
  const missing = replacement && missingIdentity(replacement, asker);
  if (missing) return { kind: 'skipped', because: `the machine's :${missing} is not known` };
  // What an inverted rule found is all of the path.
  const first = match ?? [0, path.length];
  const replaced = replacement ? replaceMatches(compiled, replacement, path, first, asker, fuel) : path;
  if (replaced === undefined) return { kind: 'exhausted' };
  const because = rule.invert ? 'it does not match, as the rule wants' : 'it matches';
  return { kind: 'applied', path: rule.case ? foldCase(replaced, rule.case) : replaced, because };
}

/** Why a rule is not for this machine or request. */
function unfitReason(rule: RewriteRule, asker: RewriteAsker): string | undefined {
  const { ip, mac } = asker;
  if (rule.only !== undefined && (rule.only === 'write') !== (asker.write ?? false)) return `only for ${rule.only}s`;
  if (rule.whenAbsent && !asker.absent) return 'only when nothing is there';
  if (rule.networks && !(ip !== undefined && findIpNetwork(rule.networks, ip))) {
    return 'another network';
  }
  if (rule.macs && !(mac && rule.macs.some((prefix) => hasMacPrefix(mac, prefix)))) {
    return mac ? 'another MAC' : "the machine's MAC is not known";
  }
  return undefined;
}

/** Undefined when the fuel is used up. */
function replaceMatches(
  { rule, program }: CompiledRewrite,
  replacement: Replacement,
  path: string,
  first: PatternMatch,
  asker: RewriteAsker,
  fuel: Fuel,
): string | undefined {
  let out = '';
  let copied = 0;
  let match: PatternMatch | undefined = first;
  while (match) {
    const [start = 0, end = 0] = match;
    out += path.slice(copied, start) + fillReplacement(replacement, path, match, asker);
    copied = end;
    // Behind an empty match the search begins one further, or it would find it again.
    const from = end > start ? end : end + 1;
    if (!rule.global || rule.invert || !program || from > path.length) break;
    const next: PatternMatch | undefined | 'exhausted' = findMatch(program, path, from, fuel);
    if (next === 'exhausted') return undefined;
    match = next;
  }
  return out + path.slice(copied);
}

function circleReason(rule: number, title: string, path: string): string {
  const grown = path.length > MAX_PATH ? `made a path longer than ${MAX_PATH}` : `did not end after ${MAX_APPLIED}`;
  return `the rewrite rules go round in circles: they ${grown}; the last was rule ${rule} ("${title}")`;
}

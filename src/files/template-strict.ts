/**
 * Makes every look-up in a parsed template explicit, so that a missing variable is an error that names it in full:
 * `{{vars.disk.name}}` becomes the call `write this "vars.disk.name" "vars" "disk" "name"`. Handlebars' own strict mode only
 * checks the last part of a path and no parameter at all (`{{#if ghost}}` is silently false).
 */

/** Where an absent value is an answer, not a fault. */
const TOLERANT = new Set(['if', 'unless', 'default', 'required', 'and', 'or', 'not', 'eq', 'ne']);

/** Names of the look-up helpers: for a parameter, for one that may be absent, and for output (which must be text). */
export const NEED = 'look up';
export const OPTIONAL = 'look up if there';
export const WRITE = 'write';

/** Rewrites in place and returns the program; `helpers` are the names that are calls even without parameters. */
export function makeStrict(program: hbs.AST.Program, helpers: readonly string[]): hbs.AST.Program {
  rewriteBody(program, [], new Set(helpers));
  return program;
}

function rewriteBody(program: hbs.AST.Program | undefined, params: readonly string[], helpers: Set<string>): void {
  if (!program) return;
  const names = [...params, ...(program.blockParams ?? [])];
  program.body = program.body.map((node) => {
    switch (node.type) {
      case 'MustacheStatement': {
        const mustache = node as hbs.AST.MustacheStatement;
        const path = mustache.path as hbs.AST.PathExpression;
        if (mustache.params.length > 0 || helpers.has(path.original)) return rewriteCall(mustache, names);
        const found = rewrite(path, names, WRITE);
        if (found.type !== 'SubExpression') return mustache;
        const { path: helper, params: args } = found as hbs.AST.SubExpression;
        return { ...mustache, path: helper, params: args };
      }
      case 'BlockStatement': {
        const block = rewriteCall(node as hbs.AST.BlockStatement, names);
        rewriteBody(block.program, names, helpers);
        rewriteBody(block.inverse, names, helpers);
        return block;
      }
      case 'PartialStatement': {
        const partial = node as hbs.AST.PartialStatement;
        for (const pair of partial.hash?.pairs ?? []) pair.value = rewrite(pair.value, names, NEED);
        partial.params = [pathNode(['root'], '@root', partial.loc, { data: true })];
        return partial;
      }
      default:
        return node;
    }
  });
}

function rewriteCall<T extends { path: unknown; params: hbs.AST.Expression[] }>(node: T, names: readonly string[]): T {
  const lookup = TOLERANT.has((node.path as hbs.AST.PathExpression).original) ? OPTIONAL : NEED;
  node.params = node.params.map((param) => rewrite(param, names, lookup));
  return node;
}

function rewrite(node: hbs.AST.Expression, names: readonly string[], lookup: string): hbs.AST.Expression {
  if (node.type === 'SubExpression') return rewriteCall(node as hbs.AST.SubExpression, names);
  if (node.type !== 'PathExpression') return node;
  const path = node as hbs.AST.PathExpression;
  if (path.parts.length === 0 || (path.data && path.parts[0] !== 'root')) return path;
  const [first = ''] = path.parts;
  const isParam = path.depth === 0 && names.includes(first) && !/^\.|^this\b/.test(path.original);
  const startsAtFirst = path.data || isParam;
  if (startsAtFirst && path.parts.length === 1) return path;
  const base = startsAtFirst
    ? { ...path, parts: [first], original: path.data ? '@root' : first }
    : { ...path, parts: [], original: path.depth === 0 ? 'this' : '..' };
  const rest = startsAtFirst ? path.parts.slice(1) : path.parts;
  const params = [base, textNode(path.original, path.loc), ...rest.map((part) => textNode(part, path.loc))];
  return {
    type: 'SubExpression',
    path: pathNode([lookup], lookup, path.loc),
    params,
    hash: undefined,
    loc: path.loc,
  } as unknown as hbs.AST.SubExpression;
}

function pathNode(
  parts: string[],
  original: string,
  loc: hbs.AST.SourceLocation,
  { data = false }: { data?: boolean } = {},
): hbs.AST.PathExpression {
  return { type: 'PathExpression', data, depth: 0, parts, original, loc };
}

function textNode(value: string, loc: hbs.AST.SourceLocation): hbs.AST.StringLiteral {
  return { type: 'StringLiteral', value, original: value, loc };
}

/** Reads a parsed template and reports what can never work: unknown names, helpers, partials and constructs. */
import { adviseName } from '../net/nearest.ts';
import { ANY, CONTEXT_SHAPE, followShape, type Shape } from './template-shape.ts';

/** A fault at a place in a template; lines count from 1. */
export interface LintFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly advice?: string;
}

export interface LintOptions {
  readonly helpers: readonly string[];
  /** Extra names a partial was called with. */
  readonly extra?: Readonly<Record<string, Shape>>;
}

/** A partial call: which, where, and the names it hands over beside the whole context. */
export interface PartialUse {
  readonly name: string;
  readonly line: number;
  readonly column: number;
  readonly extra: Readonly<Record<string, Shape>>;
}

interface Scope {
  readonly shape: Shape;
  readonly blockParams: Readonly<Record<string, Shape>>;
}

const BLOCKS = ['if', 'unless', 'each', 'with', 'raw'];
const LOOP_DATA = ['index', 'key', 'first', 'last'];
/** Names every object inherits: never data, always an attempt or a slip. */
const INHERITED = new Set(Object.getOwnPropertyNames(Object.prototype));

/** Walks the whole template and returns every fault at once, with the partials it uses. */
export function lintTemplate(
  program: hbs.AST.Program,
  options: LintOptions,
): { readonly faults: readonly LintFault[]; readonly partials: readonly PartialUse[] } {
  const faults: LintFault[] = [];
  const partials: PartialUse[] = [];
  const root: Shape = { kind: 'fields', fields: { ...CONTEXT_SHAPE.fields, ...options.extra } };

  const report = (node: hbs.AST.Node, message: string, advice?: string) => {
    const { line, column } = node.loc.start;
    faults.push({ line, column: column + 1, message, ...(advice && { advice }) });
  };

  const walk = (body: hbs.AST.Program | undefined, scopes: readonly Scope[]): void => {
    for (const statement of body?.body ?? []) visit(statement, scopes);
  };

  const visit = (node: hbs.AST.Statement, scopes: readonly Scope[]): void => {
    switch (node.type) {
      case 'ContentStatement':
      case 'CommentStatement':
        return;
      case 'MustacheStatement':
        mustache(node as hbs.AST.MustacheStatement, scopes);
        return;
      case 'BlockStatement':
        block(node as hbs.AST.BlockStatement, scopes);
        return;
      case 'PartialStatement':
        partial(node as hbs.AST.PartialStatement, scopes);
        return;
      default:
        report(node, `${node.type} is not supported`, 'Use {{> partial}} for shared text.');
    }
  };

  const mustache = (node: hbs.AST.MustacheStatement, scopes: readonly Scope[]): void => {
    if (node.path.type !== 'PathExpression') {
      report(node, 'a bare literal does nothing', 'Write it as text.');
      return;
    }
    const path = node.path as hbs.AST.PathExpression;
    const isCall = node.params.length > 0 || (node.hash?.pairs.length ?? 0) > 0;
    if (isCall || options.helpers.includes(path.original)) call(path, node, scopes);
    else expression(path, scopes);
  };

  const call = (
    path: hbs.AST.PathExpression,
    node: { params: hbs.AST.Expression[]; hash: hbs.AST.Hash },
    scopes: readonly Scope[],
  ): void => {
    if (!options.helpers.includes(path.original)) {
      report(path, `there is no helper "${path.original}"`, adviseName(path.original, options.helpers));
    }
    for (const param of node.params) expression(param, scopes);
    if (node.hash?.pairs[0]) report(node.hash, 'helpers take no named parameters');
  };

  const block = (node: hbs.AST.BlockStatement, scopes: readonly Scope[]): void => {
    const name = (node.path as hbs.AST.PathExpression).original;
    if (!BLOCKS.includes(name)) {
      report(node, `"#${name}" is no block`, `Blocks are ${BLOCKS.join(', ')}.`);
      return;
    }
    for (const param of node.params) expression(param, scopes);
    const wanted = name === 'raw' ? 0 : 1;
    if (node.params.length !== wanted) {
      report(node, `"#${name}" takes ${wanted} parameter`, 'Join conditions with (and …), (or …).');
    }
    if (node.hash?.pairs[0]) report(node.hash, `"#${name}" takes no named parameters`);
    const subject = shapeOf(node.params[0], scopes);
    const inner = name === 'each' ? itemOf(subject) : subject;
    const [first, second] = node.program?.blockParams ?? [];
    const blockParams = { ...(first && { [first]: inner }), ...(second && { [second]: ANY }) };
    const changesContext = name === 'each' || name === 'with';
    walk(node.program, changesContext ? [{ shape: inner, blockParams }, ...scopes] : scopes);
    walk(node.inverse, scopes);
  };

  const partial = (node: hbs.AST.PartialStatement, scopes: readonly Scope[]): void => {
    if (node.name.type !== 'PathExpression') {
      report(node, 'the name of a partial must be written out');
      return;
    }
    if (node.params[0])
      report(node, 'a partial always sees the whole context', 'Hand values over by name: {{> x entry=this}}.');
    const pairs = node.hash?.pairs ?? [];
    for (const pair of pairs) expression(pair.value, scopes);
    partials.push({
      name: (node.name as hbs.AST.PathExpression).original,
      line: node.loc.start.line,
      column: node.loc.start.column + 1,
      extra: Object.fromEntries(pairs.map((pair) => [pair.key, shapeOf(pair.value, scopes)])),
    });
  };

  const expression = (node: hbs.AST.Expression, scopes: readonly Scope[]): void => {
    if (node.type === 'SubExpression') {
      const sub = node as hbs.AST.SubExpression;
      call(sub.path as hbs.AST.PathExpression, sub, scopes);
      return;
    }
    if (node.type !== 'PathExpression') return;
    const path = node as hbs.AST.PathExpression;
    const inherited = path.parts.find((part) => INHERITED.has(part));
    if (inherited) {
      report(path, `"${inherited}" may not be looked up`, 'Use a name of the context.');
      return;
    }
    if (path.data && path.parts[0] !== 'root') {
      if (!LOOP_DATA.includes(path.parts[0] ?? ''))
        report(path, `"${path.original}" does not exist`, 'Use @index, @key, @first, @last or @root.');
      return;
    }
    const { start, parts } = startOf(path, scopes);
    if (!start) {
      report(path, `"${path.original}" leaves the outermost block`);
      return;
    }
    const end = followShape(start, parts);
    if (end.kind !== 'unknown') return;
    const outer = scopes.at(-1)?.shape ?? ANY;
    if (start !== outer && path.depth === 0 && followShape(outer, path.parts).kind !== 'unknown') {
      const way = `${'../'.repeat(scopes.length - 1)}${path.original}`;
      report(path, `"${path.original}" does not exist in this block`, `Outside it is "${way}".`);
      return;
    }
    const before = followShape(start, parts.slice(0, end.at));
    const known = before.kind === 'fields' ? Object.keys(before.fields) : [];
    const own = start === root && end.at === 0 ? ' Values of your own are under "vars".' : '';
    report(path, `"${path.original}" does not exist`, `${adviseName(parts[end.at] ?? '', known)}${own}`.trim());
  };

  const shapeOf = (node: hbs.AST.Expression | undefined, scopes: readonly Scope[]): Shape => {
    if (node?.type !== 'PathExpression') return ANY;
    const { start, parts } = startOf(node as hbs.AST.PathExpression, scopes);
    const end = start && followShape(start, parts);
    return !end || end.kind === 'unknown' ? ANY : end;
  };

  const startOf = (path: hbs.AST.PathExpression, scopes: readonly Scope[]): { start?: Shape; parts: string[] } => {
    if (path.data)
      return path.parts[0] === 'root' ? { start: root, parts: path.parts.slice(1) } : { start: ANY, parts: [] };
    const [name = ''] = path.parts;
    const owner = path.depth === 0 && scopes.find((scope) => Object.hasOwn(scope.blockParams, name));
    if (owner && !/^\.|^this\b/.test(path.original))
      return { start: owner.blockParams[name] ?? ANY, parts: path.parts.slice(1) };
    const scope = scopes[path.depth];
    return { ...(scope && { start: scope.shape }), parts: path.parts };
  };

  walk(program, [{ shape: root, blockParams: {} }]);
  return { faults, partials };
}

function itemOf(shape: Shape): Shape {
  return shape.kind === 'list' ? shape.item : ANY;
}

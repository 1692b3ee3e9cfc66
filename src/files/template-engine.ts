/** Handlebars, fenced in: own environment, allow-listed helpers, explicit look-ups, bounded work and output. */
import Handlebars from 'handlebars';
import type { TemplateContext } from '../boot/context.ts';
import { HELPERS, type HelperScope, PREVIEW_TOKEN, REDACTED, type ReadSecret, textOf } from './template-helpers.ts';
import { makeStrict, NEED, OPTIONAL, WRITE } from './template-strict.ts';

/** Most bytes a rendered file may have. */
export const MAX_OUTPUT_BYTES = 256 * 1024;
/** Most turns all loops of one rendering may take together. */
const MAX_TURNS = 100_000;
/** Longest one rendering may keep all other machines waiting. */
const MAX_RENDER_MS = 2000;

/** A fault while parsing or rendering; lines and columns count from 1. */
export class TemplateFault extends Error {
  readonly file: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(file: string, message: string, line?: number, column?: number) {
    super(message);
    this.name = 'TemplateFault';
    this.file = file;
    this.line = line;
    this.column = column;
  }
}

/** One compiled file. `partials` are all the files it can reach. */
export interface CompiledFile {
  readonly file: string;
  readonly run: Handlebars.TemplateDelegate;
}

/** Parses source text, which must be a string: an object would be taken for a syntax tree. Throws `TemplateFault`. */
export function parseTemplate(file: string, source: string): hbs.AST.Program {
  if (typeof source !== 'string') throw new TypeError('a template is text');
  try {
    return Handlebars.parse(source);
  } catch (error) {
    throw faultOf(file, error);
  }
}

export interface TemplateEngine {
  /** Compiles a linted program; it is changed in place. */
  compile(file: string, program: hbs.AST.Program): CompiledFile;
  /**
   * Renders with the partials by name. Throws `TemplateFault`.
   * `bound`: most bytes of text; more than usual for text with marks in it. `secret`: absent, secrets are not shown.
   */
  render(
    main: CompiledFile,
    partials: ReadonlyMap<string, CompiledFile>,
    context: TemplateContext,
    options?: { readonly secret?: ReadSecret | undefined; readonly bound?: number | undefined },
  ): string;
}

export function createEngine(): TemplateEngine {
  const environment = Handlebars.create();
  for (const name of ['log', 'lookup', 'each']) environment.unregisterHelper(name);
  for (const [name, helper] of Object.entries(helperFunctions())) environment.registerHelper(name, helper);
  const knownHelpers = Object.fromEntries(Object.keys(environment.helpers).map((name) => [name, true]));

  return {
    compile: (file, program) => {
      const strict = makeStrict(program, Object.keys(HELPERS));
      const options = {
        strict: true,
        noEscape: true,
        knownHelpers,
        knownHelpersOnly: true,
        explicitPartialContext: true,
      };
      return { file, run: environment.compile(strict, options) };
    },
    render: (main, partials, context, { secret = redacted, bound = MAX_OUTPUT_BYTES } = {}) => {
      const named = [...partials].map(([name, partial]) => [name, tagged(partial)] as const);
      const { server, deployment } = context;
      const token = deployment && (deployment.token ?? PREVIEW_TOKEN);
      const work: Work = {
        turns: 0,
        untilMs: performance.now() + MAX_RENDER_MS,
        bound,
        scope: { httpBase: server.httpBase, token, secret },
      };
      const data = { work };
      const run = tagged(main);
      const text = run(context, { data, partials: Object.fromEntries(named) });
      if (Buffer.byteLength(text) > bound) throw new TemplateFault(main.file, tooLarge());
      return text;
    },
  };
}

const redacted: ReadSecret = () => REDACTED;

/** Runs a file and puts its name on whatever it throws; the innermost file wins. */
function tagged({ file, run }: CompiledFile): Handlebars.TemplateDelegate {
  return (context, options) => {
    try {
      return run(context, options);
    } catch (error) {
      throw faultOf(file, error);
    }
  };
}

function faultOf(file: string, error: unknown): TemplateFault {
  if (error instanceof TemplateFault) return error;
  if (error instanceof RangeError && /string length/.test(error.message)) return new TemplateFault(file, tooLarge());
  if (error instanceof RangeError) return new TemplateFault(file, 'the template is nested too deeply');
  const { message, lineNumber, column } = error as { message: string; lineNumber?: number; column?: number };
  const parse = /^(?:Parse|Lexical) error on line (\d+)[:.]\s*(?:Unrecognized text\.\s*)?([\s\S]*)$/.exec(message);
  if (!parse) {
    const plain = message.replace(/ - \d+:\d+$/, '');
    return new TemplateFault(file, plain, lineNumber, column === undefined ? undefined : column + 1);
  }
  const [, line, detail = ''] = parse;
  const rows = detail.split('\n');
  const expecting = rows.findLast((row) => row.startsWith('Expecting'));
  const got = /got '([A-Z_]+)'/.exec(expecting ?? '')?.[1];
  const near = rows.find((row) => row.trim() !== '' && !/^-*\^/.test(row) && row !== expecting)?.trim() ?? '';
  const what = got === 'EOF' ? 'the template ends inside a tag or block' : 'the tag is not well formed';
  return new TemplateFault(file, near === '' ? what : `${what}, near ${JSON.stringify(near)}`, Number(line));
}

/** What one rendering has done and when it must have ended (by `performance.now`). */
interface Work {
  turns: number;
  readonly untilMs: number;
  /** Most bytes of text. */
  readonly bound: number;
  readonly scope: HelperScope;
}

type Options = Handlebars.HelperOptions & { readonly loc: hbs.AST.SourceLocation };

function helperFunctions(): Record<string, Handlebars.HelperDelegate> {
  const helpers: Record<string, Handlebars.HelperDelegate> = {};
  for (const [name, { least, most, run }] of Object.entries(HELPERS)) {
    helpers[name] = located(
      (options, args) => {
        if (args.length < least || args.length > (most ?? Number.POSITIVE_INFINITY)) {
          const wanted =
            most === least ? String(least) : most === undefined ? `${least} or more` : `${least} to ${most}`;
          throw new TypeError(`"${name}" takes ${wanted} parameters, not ${args.length}`);
        }
        const { untilMs, scope } = options.data.work as Work;
        if (performance.now() > untilMs) throw new TypeError(TOO_SLOW);
        const result = run(scope, ...args);
        if (typeof result === 'string' && result.length > MAX_OUTPUT_BYTES) throw new TypeError(tooLarge());
        return result;
        // What `required` says is the author's own sentence.
      },
      name === 'required' ? undefined : name,
    );
  }
  // The body of {{{{raw}}}} is text to Handlebars already: for Jinja and cloud-init's own braces.
  helpers.raw = function raw(this: unknown, options: Options) {
    return options.fn(this);
  };
  helpers[OPTIONAL] = (...all: unknown[]) => follow(all.slice(0, -1)).value;
  helpers[NEED] = located((_, args) => need(args));
  helpers[WRITE] = located((_, args) => {
    try {
      return textOf(need(args));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const { message } = error;
      throw new TypeError(message.startsWith('"') ? message : `"${args[1]}": ${message}`);
    }
  });
  helpers.each = located((options, [list], outer) => eachOf(list, outer, options), 'each');
  return helpers;
}

/** Adds the place in the template to what a helper throws. */
function located(
  run: (options: Options, args: unknown[], outer: unknown) => unknown,
  name?: string,
): Handlebars.HelperDelegate {
  return function helper(this: unknown, ...all: unknown[]) {
    const options = all.at(-1) as Options;
    try {
      return run(options, all.slice(0, -1), this);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      const prefix = name === undefined || error.message.startsWith(`"${name}"`) ? '' : `"${name}": `;
      throw new Handlebars.Exception(prefix + error.message, { loc: options.loc } as hbs.AST.Node);
    }
  };
}

function follow(args: readonly unknown[]): { readonly value: unknown; readonly found: boolean } {
  const [base, , ...parts] = args;
  let value = base;
  for (const part of parts) {
    const holds = typeof value === 'object' && value !== null && Object.hasOwn(value, part as string);
    if (!holds) return { value: undefined, found: false };
    value = (value as Record<string, unknown>)[part as string];
  }
  return { value, found: true };
}

function need(args: readonly unknown[]): unknown {
  const { value, found } = follow(args);
  if (!found) throw new TypeError(`"${args[1]}" is not set`);
  return value;
}

/** The loop, with its work counted: a template cannot run or grow without bound. */
function eachOf(subject: unknown, outer: unknown, options: Options): string {
  if (typeof subject !== 'object' || subject === null) throw new TypeError('needs a list or an object');
  const entries: [string | number, unknown][] = Array.isArray(subject)
    ? [...subject.entries()]
    : Object.entries(subject);
  if (entries.length === 0) return options.inverse(outer);
  const work = options.data.work as Work;
  let out = '';
  for (const [index, [key, item]] of entries.entries()) {
    work.turns += 1;
    if (work.turns > MAX_TURNS) throw new TypeError(`the loops take more than ${MAX_TURNS} turns`);
    const data = Handlebars.createFrame(options.data);
    Object.assign(data, { key, index, first: index === 0, last: index === entries.length - 1 });
    out += options.fn(item, { data, blockParams: [item, key] });
    if (out.length > work.bound) throw new TypeError(tooLarge());
  }
  return out;
}

const TOO_SLOW = `the file takes longer than ${MAX_RENDER_MS / 1000} s to make; loop over less`;

function tooLarge(): string {
  return `the output is larger than ${MAX_OUTPUT_BYTES / 1024} KiB`;
}

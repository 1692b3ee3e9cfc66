/** Templates under `templates/`: compile, render, and keep serving the last good version of a broken one. */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LRUCache } from 'lru-cache';
import type { TemplateContext } from '../boot/context.ts';
import { normalizePath } from '../boot/resolve.ts';
import type { TemplateSet } from '../boot/template-set.ts';
import { AppError, formatProblem, type Problem } from '../errors.ts';
import { adviseName } from '../net/nearest.ts';
import { openConfined } from './confined.ts';
import { labelOf } from './label.ts';
import { stampOf } from './stamp.ts';
import { type CompiledFile, createEngine, MAX_OUTPUT_BYTES, parseTemplate, TemplateFault } from './template-engine.ts';
import { HELPER_NAMES, type ReadSecret } from './template-helpers.ts';
import { lintTemplate, type PartialUse } from './template-lint.ts';
import type { Shape } from './template-shape.ts';
import { markProgram, readTrace, type Trace } from './template-trace.ts';

export interface TemplatesDeps {
  /** The `templates/` directory. */
  readonly root: string;
  /** Told once for each broken version of a template. */
  readonly report?: (problems: readonly Problem[]) => void;
}

export interface Templates {
  /**
   * Renders `templates/<name>`. Throws `AppError`: template-missing, template-invalid (broken, and no good version was
   * ever seen), template-failed (a variable is missing, the output is too large) with `problems`.
   * @param secret for the machine itself only; without it the values of secrets are not shown
   * @param pinned texts to render instead of the files; a template that is not among them is read from its file
   */
  render(name: string, context: TemplateContext, secret?: ReadSecret, pinned?: TemplateSet): Promise<string>;
  /**
   * The texts of templates and of all partials they reach, as the files are now.
   * @param own must be good: throws `AppError` `template-missing`, `template-invalid`
   * @param general are left out when they are not
   */
  pin(own: readonly string[], general: readonly string[]): Promise<TemplateSet>;
  /**
   * Renders what is on the disk now, and says for every place of the text where in which file it was written.
   * Throws as `render`, and for a broken template also when a good version is still served.
   */
  trace(name: string, context: TemplateContext, secret?: ReadSecret): Promise<Trace & { readonly source: string }>;
  /** Renders a line of a profile (`args`, `chain`) by the same rules; `origin` names it in problems. */
  renderText(text: string, context: TemplateContext, origin: string, secret?: ReadSecret): string;
  /** Names of all templates, partials left out. */
  list(): Promise<readonly string[]>;
  /** Compiles every template, so that each has a good version to fall back on; returns all problems at once. */
  compileAll(): Promise<readonly Problem[]>;
  /** Problems of the templates that are served in an older version or not at all. */
  problems(): readonly Problem[];
}

/** A template with every partial it can reach. */
interface Unit {
  readonly main: CompiledFile;
  readonly partials: ReadonlyMap<string, CompiledFile>;
  /** Each file it was made from, as it was then. */
  readonly stamps: ReadonlyMap<string, string | undefined>;
}

interface Compiled {
  readonly file: CompiledFile;
  readonly uses: readonly PartialUse[];
}

const PARTIALS = 'partials';
const MAX_PARTIAL_DEPTH = 16;
const MAX_SOURCE_BYTES = 256 * 1024;
/** Bytes of source with every partial written out, however often. */
const MAX_EXPANDED_BYTES = 1024 * 1024;
/** Marks are longer than most of what they mark. */
const MAX_TRACED_BYTES = 64 * MAX_OUTPUT_BYTES;

export function createTemplates({ root, report }: TemplatesDeps): Templates {
  const engine = createEngine();
  const compiled = new LRUCache<string, Compiled>({ max: 2000 });
  const lastGood = new Map<string, Unit>();
  const traced = new LRUCache<string, Unit>({ max: 500 });
  const pinnedUnits = new LRUCache<string, Unit>({ max: 500 });
  const broken = new Map<string, { readonly text: string; readonly problems: readonly Problem[] }>();

  /** A machine waits for this, and a local stat is microseconds: cheaper than a turn through the thread pool. */
  const stampFor = (name: string): string | undefined => {
    const stats = statSync(join(root, name), { bigint: true, throwIfNoEntry: false });
    return stats ? stampOf(stats) : 'absent';
  };
  const isFresh = ({ stamps }: Unit) =>
    [...stamps].every(([name, stamp]) => stamp !== undefined && stampFor(name) === stamp);

  const fileOf = (name: string) => labelOf(join(root, name));

  const read = async (name: string): Promise<string | undefined> => {
    const found = await openConfined(root, name);
    if (found.kind !== 'file') return undefined;
    try {
      if (found.stats.size > MAX_SOURCE_BYTES) throw new TemplateFault(fileOf(name), 'the template is too large');
      return await found.handle.readFile('utf8');
    } finally {
      await found.handle.close();
    }
  };

  /** Parses, lints and compiles one source; the same source is done once. Throws a list of problems. */
  const compile = (file: string, source: string, extra: Readonly<Record<string, Shape>>, traced = false): Compiled => {
    const key = digest(file, source, JSON.stringify(extra), String(traced));
    const known = compiled.get(key);
    if (known) return known;
    const program = parseTemplate(file, source);
    const { faults, partials } = lintTemplate(program, { helpers: HELPER_NAMES, extra });
    if (faults.length > 0) throw new Broken(faults.map((fault) => ({ severity: 'error', file, ...fault })));
    if (traced) markProgram(program, file);
    const made = { file: engine.compile(file, program), uses: partials };
    compiled.set(key, made);
    return made;
  };

  /** Reads a template and, depth first, every partial it reaches. @param from where texts are read; default: the files */
  const build = async (
    name: string,
    source: string,
    stamp: string | undefined,
    traced = false,
    from: (path: string) => Promise<string | undefined> = read,
  ): Promise<Unit> => {
    const partials = new Map<string, CompiledFile>();
    const stamps = new Map<string, string | undefined>([[name, stamp]]);
    const sources = new Map<string, string | undefined>();
    const problems: Problem[] = [];
    let expanded = 0;

    const readPartial = async (path: string): Promise<string | undefined> => {
      if (!sources.has(path)) {
        stamps.set(path, stampFor(path));
        sources.set(path, normalizePath(path) === path ? await from(path) : undefined);
      }
      return sources.get(path);
    };

    const visit = async (
      file: string,
      text: string,
      extra: Readonly<Record<string, Shape>>,
      above: readonly string[],
    ): Promise<CompiledFile | undefined> => {
      expanded += text.length;
      let made: Compiled;
      try {
        made = compile(file, text, extra, traced);
      } catch (error) {
        problems.push(...problemsOf(error));
        return undefined;
      }
      for (const use of made.uses) {
        const fault = (message: string, advice: string) =>
          problems.push({ severity: 'error', file, line: use.line, column: use.column, message, advice });
        const path = `${PARTIALS}/${use.name}.hbs`;
        if (above.includes(use.name) || above.length >= MAX_PARTIAL_DEPTH) {
          fault(`partials include each other: ${[...above, use.name].join(' → ')}`, 'Break the circle.');
        } else if (expanded > MAX_EXPANDED_BYTES) {
          fault('the partials are too much text together', 'Include fewer, or smaller ones.');
        } else {
          const below = await readPartial(path);
          if (below === undefined) {
            fault(`there is no partial "${use.name}"`, adviseName(use.name, await partialNames(root)));
            continue;
          }
          const partial = await visit(fileOf(path), below, use.extra, [...above, use.name]);
          if (partial) partials.set(use.name, partial);
        }
      }
      return made.file;
    };

    const main = await visit(fileOf(name), source, {}, []);
    // A partial that is used twice is said once.
    if (!main || problems.length > 0) throw new Broken(distinct(problems));
    return { main, partials, stamps };
  };

  const loadPinned = async (name: string, { hash, texts }: TemplateSet): Promise<Unit | undefined> => {
    const key = `${hash}\0${name}`;
    const known = pinnedUnits.get(key);
    if (known) return known;
    const textOf = async (path: string) => (Object.hasOwn(texts, path) ? texts[path] : undefined);
    const source = await textOf(name);
    if (source === undefined) return undefined;
    const unit = await build(name, source, undefined, false, textOf);
    pinnedUnits.set(key, unit);
    return unit;
  };

  const readMain = async (name: string): Promise<string> => {
    const source = await read(name);
    if (source !== undefined) return source;
    lastGood.delete(name);
    broken.delete(name);
    throw new AppError('template-missing', `${fileOf(name)} does not exist. Create it, or change its file route.`);
  };

  const load = async (name: string): Promise<Unit> => {
    const served = lastGood.get(name);
    if (served && !broken.has(name) && isFresh(served)) return served;
    try {
      const stamp = stampFor(name);
      const unit = await build(name, await readMain(name), stamp);
      lastGood.set(name, unit);
      broken.delete(name);
      return unit;
    } catch (error) {
      if (error instanceof AppError) throw error;
      const problems = problemsOf(error);
      const text = problems.map(formatProblem).join('\n');
      if (broken.get(name)?.text !== text) report?.(problems);
      broken.set(name, { text, problems });
      const good = lastGood.get(name);
      if (good) return good;
      throw new AppError('template-invalid', text, { problems, cause: error });
    }
  };

  const run = (unit: Unit, context: TemplateContext, secret: ReadSecret | undefined, bound?: number): string => {
    try {
      return engine.render(unit.main, unit.partials, context, { secret, bound });
    } catch (error) {
      const problems = problemsOf(error);
      throw new AppError('template-failed', problems.map(formatProblem).join('\n'), { problems, cause: error });
    }
  };

  const list = async () => (await hbsFiles(root)).filter((name) => !name.startsWith(`${PARTIALS}/`));

  return {
    render: async (name, context, secret, pinned) =>
      run((pinned && (await loadPinned(name, pinned).catch(throwAsInvalid))) ?? (await load(name)), context, secret),
    pin: async (own, general) => {
      const texts: Record<string, string> = {};
      const collect = async (name: string) => {
        const source = await readMain(name);
        const seen = new Map<string, string>();
        const from = async (path: string) => {
          const text = await read(path);
          if (text !== undefined) seen.set(path, text);
          return text;
        };
        await build(name, source, undefined, false, from);
        Object.assign(texts, { [name]: source }, Object.fromEntries(seen));
      };
      for (const name of new Set(own)) await collect(name).catch(throwAsInvalid);
      for (const name of new Set(general)) await collect(name).catch(() => undefined);
      const sorted = Object.fromEntries(Object.entries(texts).sort(([a], [b]) => (a < b ? -1 : 1)));
      return { hash: digest(...Object.entries(sorted).flat()), texts: sorted };
    },
    trace: async (name, context, secret) => {
      const source = await readMain(name);
      const known = traced.get(name);
      try {
        const unit = known && isFresh(known) ? known : await build(name, source, stampFor(name), true);
        traced.set(name, unit);
        return { ...readTrace(run(unit, context, secret, MAX_TRACED_BYTES), fileOf(name)), source };
      } catch (error) {
        throwAsInvalid(error);
      }
    },
    renderText: (text, context, origin, secret) => {
      if (!text.includes('{{')) return text;
      try {
        const { file, uses } = compile(origin, text, {});
        if (uses[0]) throw new TemplateFault(origin, 'partials cannot be used here', uses[0].line, uses[0].column);
        return engine.render(file, new Map(), context, { secret });
      } catch (error) {
        const problems = problemsOf(error);
        throw new AppError('template-failed', problems.map(formatProblem).join('\n'), { problems, cause: error });
      }
    },
    list,
    compileAll: async () => {
      for (const name of await list()) await load(name).catch(ignoreAppError);
      return allProblems(broken);
    },
    problems: () => allProblems(broken),
  };
}

/** Several problems at once, on their way up. */
class Broken extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super('the template has problems');
    this.name = 'Broken';
    this.problems = problems;
  }
}

function problemsOf(error: unknown): readonly Problem[] {
  if (error instanceof Broken) return error.problems;
  if (!(error instanceof TemplateFault)) throw error;
  const { file, message, line, column } = error;
  const advice = /is not set$/.test(message)
    ? 'Set it in the host, profile or network, or give a default: {{default name "value"}}.'
    : undefined;
  return [
    {
      severity: 'error',
      file,
      message,
      ...(line !== undefined && { line }),
      ...(column !== undefined && { column }),
      ...(advice && { advice }),
    },
  ];
}

/** A partial that two templates use is reported once. */
function allProblems(broken: ReadonlyMap<string, { readonly problems: readonly Problem[] }>): readonly Problem[] {
  return distinct([...broken.values()].flatMap(({ problems }) => problems));
}

function distinct(problems: readonly Problem[]): readonly Problem[] {
  return [...new Map(problems.map((problem) => [formatProblem(problem), problem])).values()];
}

/** @throws AppError `template-invalid` */
function throwAsInvalid(error: unknown): never {
  if (error instanceof AppError) throw error;
  const problems = problemsOf(error);
  throw new AppError('template-invalid', problems.map(formatProblem).join('\n'), { problems, cause: error });
}

function ignoreAppError(error: unknown): void {
  if (!(error instanceof AppError)) throw error;
}

function digest(...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64');
}

/** Templates and partials, by name under the root, in order. */
export async function hbsFiles(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.name.endsWith('.hbs') && !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(root, '/').length))
    .sort();
}

async function partialNames(root: string): Promise<readonly string[]> {
  return (await hbsFiles(root))
    .filter((name) => name.startsWith(`${PARTIALS}/`))
    .map((name) => name.slice(PARTIALS.length + 1, -'.hbs'.length));
}

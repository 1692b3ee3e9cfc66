/** One file of the inventory: YAML text → host, profile, network or routes, or every problem it has. */
import type { z } from 'zod';
import {
  type FileRoute,
  fileRouteSchema,
  type Host,
  hostSchema,
  isDestructive,
  type Network,
  nameSchema,
  networkSchema,
  type Profile,
  profileSchema,
  routesSchema,
} from '../boot/host.ts';
import type { Problem } from '../errors.ts';
import { adviseName } from './nearest.ts';
import { type DataPath, parseYaml, type YamlSource } from './yaml-source.ts';

/** What a file under `profiles/`, or `templates/routes.yaml`, stands for. */
export interface ObjectRef {
  readonly kind: 'host' | 'profile' | 'network' | 'routes';
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** As it is called in problems. */
  readonly label: string;
}

export type InventoryObject =
  | { readonly kind: 'host'; readonly value: Host }
  | { readonly kind: 'profile'; readonly value: Profile }
  | { readonly kind: 'network'; readonly value: Network }
  | { readonly kind: 'routes'; readonly value: readonly FileRoute[] };

/** Text of a problem with a custom DHCP option, if it has one. */
export type CheckOption = (nameOrNumber: string, value: unknown) => string | undefined;

const SCHEMAS = { host: hostSchema, profile: profileSchema, network: networkSchema, routes: routesSchema };

/** Reads one file's text. `object` is absent when there are problems. */
export function readObject(
  ref: ObjectRef,
  text: string,
  checkOption: CheckOption,
): { readonly object?: InventoryObject; readonly problems: readonly Problem[] } {
  const source = parseYaml(ref.label, text);
  if (source.problems.length > 0) return { problems: source.problems };
  const problems: Problem[] = [];
  const report = (place: { line: number; column: number }, path: DataPath, message: string, advice?: string) => {
    problems.push({
      severity: 'error',
      file: ref.label,
      ...place,
      ...(path.length > 0 && { path: formatPath(path) }),
      message,
      ...(advice && { advice }),
    });
  };

  const name = nameSchema.safeParse(ref.name);
  if (ref.kind !== 'routes' && !name.success) {
    report(
      { line: 1, column: 1 },
      [],
      `"${ref.name}" is no name`,
      `Rename the file: ${name.error.issues[0]?.message}.`,
    );
  }
  const parsed = SCHEMAS[ref.kind].safeParse(source.data ?? {}, { reportInput: true });
  for (const issue of parsed.error?.issues ?? [])
    reportIssue(issue, source, (path) => knownKeys(ref.kind, path), report);
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  if (!parsed.success || problems.length > 0) return { problems };

  const object = objectOf(ref, parsed.data);
  if (object.kind !== 'routes') {
    for (const [option, value] of Object.entries(object.value.options)) {
      const fault = checkOption(option, value);
      if (fault !== undefined) report(source.locateKey(['options'], option), ['options', option], fault);
    }
  }
  return problems.length > 0 ? { problems } : { object, problems };
}

/** `files[2].path` */
export function formatPath(path: DataPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${part}`))
    .join('');
}

function objectOf(ref: ObjectRef, data: unknown): InventoryObject {
  const { kind, name } = ref;
  switch (kind) {
    case 'host':
      return { kind, value: Object.freeze({ ...(data as z.output<typeof hostSchema>), name }) };
    case 'network':
      return { kind, value: Object.freeze({ ...(data as z.output<typeof networkSchema>), name }) };
    case 'profile': {
      const profile = data as z.output<typeof profileSchema>;
      return { kind, value: Object.freeze({ ...profile, name, destructive: isDestructive(profile) }) };
    }
    case 'routes':
      return { kind, value: (data as z.output<typeof routesSchema>).routes };
    default:
      return kind satisfies never;
  }
}

type Report = (place: { line: number; column: number }, path: DataPath, message: string, advice?: string) => void;

/**
 * One finding of a schema in words for people who write YAML. The schema must be asked with `reportInput`.
 * @param knownKeys what may stand in the mapping at a path
 */
export function reportIssue(
  issue: z.core.$ZodIssue,
  source: YamlSource,
  knownKeys: (path: DataPath) => readonly string[],
  report: Report,
): void {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(path);
      for (const key of issue.keys) {
        report(source.locateKey(path, key), [...path, key], `"${key}" is no setting here`, adviseName(key, known));
      }
      return;
    }
    case 'invalid_value': {
      const missing = issue.input === undefined;
      const message = missing ? 'is missing' : `${JSON.stringify(issue.input)} is not possible here`;
      const advice = adviseName(missing ? '' : String(issue.input), issue.values.map(String));
      report(source.locate(path), path, message, advice);
      return;
    }
    case 'invalid_type': {
      const wanted = article(issue.expected);
      const missing = issue.input === undefined;
      const message = missing ? 'is missing' : `is ${article(typeName(issue.input))}, not ${wanted}`;
      const advice = missing ? `Add ${wanted}.` : typeAdvice(issue.expected, issue.input);
      report(source.locate(path), path, message, advice);
      return;
    }
    case 'too_small':
    case 'too_big': {
      const limit = issue.code === 'too_small' ? `less than ${issue.minimum}` : `more than ${issue.maximum}`;
      const isNumber = issue.origin === 'number' || issue.origin === 'int';
      report(source.locate(path), path, isNumber ? `${issue.input} is ${limit}` : issue.message);
      return;
    }
    default:
      report(source.locate(path), path, issue.message);
  }
}

function knownKeys(kind: ObjectRef['kind'], path: DataPath): readonly string[] {
  const isRoute = path[0] === 'files' || path[0] === 'routes';
  return Object.keys(isRoute ? fileRouteSchema.shape : SCHEMAS[kind].shape);
}

const NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'list',
  object: 'mapping',
  record: 'mapping',
  int: 'whole number',
  boolean: 'true or false',
};

function article(type: string): string {
  const name = NAMES[type] ?? type;
  return name === 'text' || name === 'true or false' || name === 'nothing' ? name : `a ${name}`;
}

function typeName(value: unknown): string {
  if (value === null) return 'nothing';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** YAML 1.2 reads `0755` and `12:30` its own way, and people do not expect it. */
function typeAdvice(expected: string, value: unknown): string | undefined {
  if (expected === 'string' && ['number', 'boolean'].includes(typeof value)) return 'Put quotes around it.';
  if (expected === 'array' && typeof value === 'string') return `Write a list: [${JSON.stringify(value)}].`;
  if (expected === 'boolean' && typeof value === 'string')
    return 'Write true or false, without quotes; YAML 1.2 knows no yes and no.';
  return undefined;
}

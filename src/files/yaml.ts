/** A YAML file checked against a schema: its value, or every problem with its place and advice. */
import { z } from 'zod';
import type { Problem } from '../errors.ts';
import { adviseName } from '../net/nearest.ts';
import { type DataPath, parseYaml, type YamlSource } from './yaml-source.ts';

export interface YamlReading<T> {
  readonly source: YamlSource;
  /** Absent when there are problems. */
  readonly value?: T;
  readonly problems: readonly Problem[];
}

/** @param label how the file is called in problems */
export function readYaml<Schema extends z.ZodType>(
  label: string,
  text: string,
  schema: Schema,
): YamlReading<z.output<Schema>> {
  const source = parseYaml(label, text);
  if (source.problems.length > 0) return { source, problems: source.problems };
  // An empty file is an empty mapping.
  const parsed = schema.safeParse(source.data ?? {}, { reportInput: true });
  if (parsed.success) return { source, value: parsed.data, problems: [] };
  const problems: Problem[] = [];
  for (const issue of parsed.error.issues) {
    reportIssue(schema, issue, source, (place, path, message, advice) => {
      const where = { ...place, ...(path.length > 0 && { path: formatPath(path) }) };
      problems.push({ severity: 'error', file: label, ...where, message, ...(advice && { advice }) });
    });
  }
  problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  return { source, problems };
}

/** `files[2].path` */
export function formatPath(path: DataPath): string {
  return path
    .map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index > 0 ? '.' : ''}${part}`))
    .join('');
}

type Report = (place: { line: number; column: number }, path: DataPath, message: string, advice?: string) => void;

function reportIssue(schema: z.ZodType, issue: z.core.$ZodIssue, source: YamlSource, report: Report): void {
  const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = knownKeys(schema, path);
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

/** Keys of the mapping that `path` leads to in a schema. */
function knownKeys(schema: z.ZodType, path: DataPath): readonly string[] {
  let at: unknown = schema;
  for (const part of path) {
    const inner = unwrapped(at);
    if (inner instanceof z.ZodObject) at = inner.shape[part as string];
    else if (inner instanceof z.ZodArray) at = inner.element;
    else return [];
  }
  const found = unwrapped(at);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** The schema behind optional, default and prefault. */
function unwrapped(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrapped(schema.unwrap());
  }
  return schema;
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

/** A YAML file checked against a schema: its value, or every problem with its place. */
import type { z } from 'zod';
import type { Problem } from '../errors.ts';
import { formatPath } from './inventory-schema.ts';
import { parseYaml } from './yaml-source.ts';

export type YamlReading<T> =
  | { readonly value: T; readonly problems: readonly Problem[] }
  | { readonly value?: undefined; readonly problems: readonly Problem[] };

/** @param label how the file is called in problems */
export function readYaml<Schema extends z.ZodType>(
  label: string,
  text: string,
  schema: Schema,
): YamlReading<z.output<Schema>> {
  const source = parseYaml(label, text);
  if (source.problems.length > 0) return { problems: source.problems };
  const parsed = schema.safeParse(source.data ?? {});
  if (parsed.success) return { value: parsed.data, problems: [] };
  return {
    problems: parsed.error.issues.map((issue) => {
      const path = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
      return { severity: 'error', file: label, ...source.locate(path), path: formatPath(path), message: issue.message };
    }),
  };
}

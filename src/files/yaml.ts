/** A YAML file checked against a schema: its value, or every problem with its place. */
import { z } from 'zod';
import type { Problem } from '../errors.ts';
import { formatPath, reportIssue } from './inventory-schema.ts';
import { type DataPath, parseYaml } from './yaml-source.ts';

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
  const parsed = schema.safeParse(source.data ?? {}, { reportInput: true });
  if (parsed.success) return { value: parsed.data, problems: [] };
  const problems: Problem[] = [];
  for (const issue of parsed.error.issues) {
    reportIssue(
      issue,
      source,
      (path) => keysAt(schema, path),
      (place, path, message, advice) => {
        problems.push({
          severity: 'error',
          file: label,
          ...place,
          path: formatPath(path),
          message,
          ...(advice && { advice }),
        });
      },
    );
  }
  return { problems };
}

/** Keys of the mapping at `path`, defaults looked through; empty where the schema has no mapping. */
function keysAt(schema: z.ZodType, path: DataPath): readonly string[] {
  let at: unknown = schema;
  for (const part of [...path, undefined]) {
    while (at instanceof z.ZodPrefault || at instanceof z.ZodDefault || at instanceof z.ZodOptional) at = at.unwrap();
    if (!(at instanceof z.ZodObject)) return [];
    if (part === undefined) return Object.keys(at.shape);
    at = at.shape[part];
  }
  return [];
}

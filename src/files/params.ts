/** Parameters of a profile (JSON Schema) against the variables a machine has. */
import { z } from 'zod';
import type { Vars } from '../boot/fields.ts';
import type { Params } from '../boot/profile.ts';
import { messageOf } from '../errors.ts';

export interface ParamFault {
  /** `disk`, `raid.level` */
  readonly path: string;
  readonly message: string;
}

/** Every fault. @param partial values may still be missing: other levels can set them */
export function checkParams(params: Params, vars: Vars, partial = false): readonly ParamFault[] {
  const faults: ParamFault[] = [];
  for (const [name, schema] of Object.entries(params.properties)) {
    const value = vars[name] ?? schema.default;
    if (value === undefined) {
      if (!partial && params.required.includes(name)) faults.push({ path: name, message: 'is missing' });
      continue;
    }
    const reading = compile(schema);
    if ('fault' in reading) continue;
    const parsed = reading.schema.safeParse(value);
    for (const issue of parsed.error?.issues ?? []) {
      faults.push({ path: [name, ...issue.path.map(String)].join('.'), message: lower(issue.message) });
    }
  }
  for (const name of params.required) {
    if (!Object.hasOwn(params.properties, name) && !partial && vars[name] === undefined) {
      faults.push({ path: name, message: 'is missing' });
    }
  }
  return faults;
}

/** Schemas that cannot be read, and defaults that do not fit their own. */
export function checkParamSchemas(params: Params): readonly ParamFault[] {
  return Object.entries(params.properties).flatMap(([name, schema]) => {
    const reading = compile(schema);
    if ('fault' in reading) return [{ path: name, message: `is no JSON Schema: ${reading.fault}` }];
    if (schema.default === undefined) return [];
    const issues = reading.schema.safeParse(schema.default).error?.issues ?? [];
    return issues.map((issue) => ({ path: name, message: `its default does not fit: ${lower(issue.message)}` }));
  });
}

function compile(schema: object): { readonly schema: z.ZodType } | { readonly fault: string } {
  try {
    return { schema: z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]) };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** Parameters of a profile (JSON Schema) against the variables a machine has. */
import { z } from 'zod';
import type { CatalogParts, CatalogProblem } from '../boot/catalog.ts';
import type { Vars } from '../boot/fields.ts';
import type { Params } from '../boot/profile.ts';
import { eachInSteps, type Sliced } from '../boot/sliced.ts';
import { messageOf } from '../errors.ts';

export interface ParamFault {
  /** `disk`, `raid.level` */
  readonly path: string;
  readonly message: string;
}

type Compiled = { readonly schema: z.ZodType } | { readonly fault: string };

/** Every fault of the variables as the profile will see them. */
export function checkParams(params: Params, vars: Vars): readonly ParamFault[] {
  const missing = params.required.filter((name) => (vars[name] ?? params.properties[name]?.default) === undefined);
  return [
    ...missing.map((name) => ({ path: name, message: 'is missing' })),
    ...checkValues(params, vars, compile).map(({ path, message }) => ({ path: path.join('.'), message })),
  ];
}

/**
 * What can be told when files are read: schemas that are none, defaults that do not fit their own, and values of hosts and
 * profiles. That something is missing cannot: another level may set it, so that is told when a host is armed.
 */
export function* checkParamsOf({
  hosts,
  profiles,
}: Pick<CatalogParts, 'hosts' | 'profiles'>): Sliced<CatalogProblem[]> {
  const cache = new Map<object, Compiled>();
  const compileOnce = (schema: object): Compiled => {
    const known = cache.get(schema) ?? compile(schema);
    cache.set(schema, known);
    return known;
  };
  const problems: CatalogProblem[] = [];
  const byName = new Map(profiles.map((profile) => [profile.name, profile]));
  yield* eachInSteps(profiles, ({ name, params, vars }) => {
    const object = { kind: 'profile', name } as const;
    for (const [param, schema] of Object.entries(params.properties)) {
      const compiled = compileOnce(schema);
      if ('fault' in compiled) {
        const advice = 'See https://json-schema.org for what may stand here.';
        const message = `is no JSON Schema: ${compiled.fault}`;
        problems.push({ object, path: ['params', 'properties', param], message, advice });
      }
      const defaults = schema.default === undefined ? {} : { [param]: schema.default };
      for (const { message } of checkValues({ ...params, properties: { [param]: schema } }, defaults, compileOnce)) {
        problems.push({ object, path: ['params', 'properties', param, 'default'], message, advice: FIT });
      }
    }
    for (const { path, message } of checkValues(params, vars, compileOnce)) {
      problems.push({ object, path: ['vars', ...path], message, advice: FIT });
    }
  });
  yield* eachInSteps(hosts, ({ name, profile, vars }) => {
    const params = byName.get(profile ?? '')?.params;
    if (!params) return;
    for (const { path, message } of checkValues(params, vars, compileOnce)) {
      const advice = `Profile "${profile}" says in its "params" what it takes.`;
      problems.push({ object: { kind: 'host', name }, path: ['vars', ...path], message, advice });
    }
  });
  return problems;
}

const FIT = 'Change the value, or the schema in "params".';

/** Values that are there and do not fit. */
function checkValues({ properties }: Params, vars: Vars, compiled: (schema: object) => Compiled) {
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (vars[name] === undefined) return [];
    const reading = compiled(schema);
    if ('fault' in reading) return [];
    const issues = reading.schema.safeParse(vars[name]).error?.issues ?? [];
    return issues.map((issue) => ({ path: [name, ...issue.path.map(String)], message: lower(issue.message) }));
  });
}

function compile(schema: object): Compiled {
  try {
    return { schema: z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]) };
  } catch (error) {
    return { fault: messageOf(error) };
  }
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

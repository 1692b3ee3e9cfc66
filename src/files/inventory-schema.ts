/** One file of the inventory: YAML text → host, profile, network or routes, or every problem it has. */
import type { z } from 'zod';
import type { ObjectKind } from '../boot/edit.ts';
import {
  type Host,
  hostSchema,
  isDestructive,
  type Network,
  nameSchema,
  networkSchema,
  type Profile,
  profileSchema,
  type RoutesDocument,
  routesSchema,
} from '../boot/host.ts';
import type { Problem } from '../errors.ts';
import { formatPath, readYaml } from './yaml.ts';

/** What a file under `profiles/`, or `templates/routes.yaml`, stands for. */
export interface ObjectRef {
  readonly kind: ObjectKind;
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
  | { readonly kind: 'routes'; readonly value: RoutesDocument };

/** Text of a problem with a custom DHCP option, if it has one. */
export type CheckOption = (nameOrNumber: string, value: unknown) => string | undefined;

const SCHEMAS = { host: hostSchema, profile: profileSchema, network: networkSchema, routes: routesSchema };

/** Reads one file's text. `object` is absent when there are problems. */
export function readObject(
  ref: ObjectRef,
  text: string,
  checkOption: CheckOption,
): { readonly object?: InventoryObject; readonly problems: readonly Problem[] } {
  const { source, value, problems } = readYaml(ref.label, text, SCHEMAS[ref.kind]);
  const name = nameSchema.safeParse(ref.name);
  if (ref.kind !== 'routes' && !name.success) {
    const advice = `Rename the file: ${name.error.issues[0]?.message}.`;
    return {
      problems: [
        { severity: 'error', file: ref.label, line: 1, column: 1, message: `"${ref.name}" is no name`, advice },
        ...problems,
      ],
    };
  }
  if (value === undefined) return { problems };

  const object = objectOf(ref, value);
  if (object.kind === 'routes') return { object, problems };
  const faults = Object.entries(object.value.options).flatMap(([option, wanted]): Problem[] => {
    const message = checkOption(option, wanted);
    const path = ['options', option];
    return message === undefined
      ? []
      : [
          {
            severity: 'error',
            file: ref.label,
            ...source.locateKey(['options'], option),
            path: formatPath(path),
            message,
          },
        ];
  });
  return faults.length > 0 ? { problems: faults } : { object, problems };
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
      return { kind, value: Object.freeze(data as z.output<typeof routesSchema>) };
    default:
      return kind satisfies never;
  }
}

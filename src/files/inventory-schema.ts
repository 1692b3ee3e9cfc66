/** One file of the inventory: YAML text → host, group, profile, network or routes, or every problem it has. */
import type { z } from 'zod';
import type { ObjectKind } from '../boot/edit.ts';
import { nameSchema, type Vars } from '../boot/fields.ts';
import { type Group, groupSchema } from '../boot/group.ts';
import { type Host, hostSchema } from '../boot/host.ts';
import { type Network, networkSchema } from '../boot/network.ts';
import { type ProfileFile, profileSchema } from '../boot/profile.ts';
import { type Quirk, quirkSchema } from '../boot/quirk.ts';
import { type RoutesDocument, routesSchema } from '../boot/routes-file.ts';
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
  | { readonly kind: 'group'; readonly value: Group }
  | { readonly kind: 'profile'; readonly value: ProfileFile }
  | { readonly kind: 'network'; readonly value: Network }
  | { readonly kind: 'quirk'; readonly value: Quirk }
  | { readonly kind: 'routes'; readonly value: RoutesDocument };

/** Text of a problem with a custom DHCP option, if it has one. */
export type CheckOption = (nameOrNumber: string, value: unknown) => string | undefined;

const SCHEMAS = {
  host: hostSchema,
  group: groupSchema,
  profile: profileSchema,
  network: networkSchema,
  quirk: quirkSchema,
  routes: routesSchema,
};

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

  const object = objectOf(ref, value, source.data);
  if (object.kind === 'routes') return { object, problems };
  const faults = Object.entries(optionsOf(object)).flatMap(([option, wanted]): Problem[] => {
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

function optionsOf(object: Exclude<InventoryObject, { kind: 'routes' }>): Vars {
  if (object.kind === 'quirk') return {};
  return object.kind === 'profile' ? object.value.document.options : object.value.options;
}

/** @param written the document before defaults */
function objectOf(ref: ObjectRef, data: unknown, written: unknown): InventoryObject {
  const { kind, name } = ref;
  switch (kind) {
    case 'host':
      return { kind, value: Object.freeze({ ...(data as z.output<typeof hostSchema>), name }) };
    case 'group':
      return { kind, value: Object.freeze({ ...(data as z.output<typeof groupSchema>), name }) };
    case 'network':
      return { kind, value: Object.freeze({ ...(data as z.output<typeof networkSchema>), name }) };
    case 'quirk':
      return { kind, value: Object.freeze({ ...(data as z.output<typeof quirkSchema>), name }) };
    case 'profile': {
      const document = data as z.output<typeof profileSchema>;
      return { kind, value: Object.freeze({ name, document, given: new Set(Object.keys(written ?? {})) }) };
    }
    case 'routes':
      return { kind, value: Object.freeze(data as z.output<typeof routesSchema>) };
    default:
      return kind satisfies never;
  }
}

/**
 * Who has the last word: the one place that merges what is written at different levels. Fixed and total:
 * built-in → settings → profile → network → groups by priority → host → deployment; the later wins. What a client says of
 * itself is in no layer.
 */
import type { Deployment } from './deployment.ts';
import type { LoaderName, Vars } from './fields.ts';
import { type Group, groupsOf, type Member } from './group.ts';
import type { Host } from './host.ts';
import type { LocalMethod } from './local-boot.ts';
import type { Network } from './network.ts';
import type { Profile } from './profile.ts';
import type { PxeMenuDocument } from './pxe-menu.ts';

export const LEVELS = ['built-in', 'settings', 'profile', 'network', 'group', 'host', 'deployment'] as const;
export type Level = (typeof LEVELS)[number];

/** Where a value was written: `{ level: 'group', name: 'rack-1' }`. */
export interface Origin {
  readonly level: Level;
  /** Of the object; absent for the built-in and the settings. */
  readonly name?: string;
}

/** What one object has to say. */
export interface Layer {
  readonly origin: Origin;
  readonly vars?: Vars;
  readonly options?: Vars;
  readonly loader?: LoaderName | undefined;
  readonly localBoot?: LocalMethod | undefined;
  readonly pxeMenu?: PxeMenuDocument | undefined;
}

/** What `hobnail.yaml` says for all machines. */
export interface Defaults {
  readonly vars?: Vars;
  readonly loader?: LoaderName | undefined;
  readonly localBoot?: LocalMethod | undefined;
}

export interface Levels {
  readonly defaults?: Defaults | undefined;
  readonly profile?: Profile | undefined;
  readonly network?: (Pick<Network, 'name' | 'vars' | 'options'> & Partial<Pick<Network, 'pxeMenu'>>) | undefined;
  /** Those the machine is in, the lowest priority first. */
  readonly groups?: readonly Group[] | undefined;
  readonly host?: Host | undefined;
  readonly deployment?: Deployment | undefined;
}

/** The layers of a machine in order: the later wins. */
export function layersOf({ defaults, profile, network, groups = [], host, deployment }: Levels): readonly Layer[] {
  const layers: Layer[] = [];
  if (defaults) layers.push({ origin: { level: 'settings' }, ...defaults });
  if (profile) {
    const { vars, options, loader, pxeMenu } = profile;
    layers.push({
      origin: { level: 'profile', name: profile.name },
      vars: withDefaults(profile, vars),
      options,
      loader,
      pxeMenu,
    });
  }
  if (network) {
    const { vars, options, pxeMenu } = network;
    layers.push({ origin: { level: 'network', name: network.name }, vars, options, pxeMenu });
  }
  for (const { name, vars, options, loader, localBoot } of groups) {
    layers.push({ origin: { level: 'group', name }, vars, options, loader, localBoot });
  }
  if (host) {
    const { vars, options, loader, localBoot } = host;
    layers.push({ origin: { level: 'host', name: host.name }, vars, options, loader, localBoot });
  }
  if (deployment) layers.push({ origin: { level: 'deployment', name: deployment.id }, vars: deployment.vars });
  return layers;
}

/** The same layers for a machine that gets another profile, as each entry of a menu does. */
export function withProfile(layers: readonly Layer[], profile: Profile | undefined): readonly Layer[] {
  const others = layers.filter(({ origin }) => origin.level !== 'profile');
  const at = others.findLastIndex(({ origin }) => origin.level === 'settings') + 1;
  return [...others.slice(0, at), ...layersOf({ profile }), ...others.slice(at)];
}

/** A value with the place it was written. */
export interface Settled<T> {
  readonly value: T;
  readonly origin: Origin;
}

/** The last word on `loader`, `localBoot` or `pxeMenu`. */
export function settle<Key extends 'loader' | 'localBoot' | 'pxeMenu'>(
  layers: readonly Layer[],
  key: Key,
): Settled<NonNullable<Layer[Key]>> | undefined {
  const layer = layers.findLast((one) => one[key] !== undefined);
  const value = layer?.[key];
  return layer && value !== undefined ? { value: value as NonNullable<Layer[Key]>, origin: layer.origin } : undefined;
}

/** Every variable with the place it was written; names are merged, values are not. */
export function settleVars(layers: readonly Layer[]): ReadonlyMap<string, Settled<unknown>> {
  const merged = new Map<string, Settled<unknown>>();
  for (const { vars, origin } of layers) {
    for (const [name, value] of Object.entries(vars ?? {})) merged.set(name, { value, origin });
  }
  return merged;
}

/** The profile a machine is meant to have, and who says so. */
export function settleProfile(host: Host | undefined, groups: readonly Group[]): Settled<string> | undefined {
  if (host?.profile !== undefined) return { value: host.profile, origin: { level: 'host', name: host.name } };
  const group = groups.findLast(({ profile }) => profile !== undefined);
  if (group?.profile === undefined) return undefined;
  return { value: group.profile, origin: { level: 'group', name: group.name } };
}

export function groupsFor(groups: readonly Group[], member: Member): readonly Group[] {
  return groups.length === 0 ? groups : groupsOf(groups, member);
}

/** `group "rack-1"` */
export function formatOrigin({ level, name }: Origin): string {
  return name === undefined ? level : `${level} "${name}"`;
}

/** A parameter's default is the lowest word of its profile. */
function withDefaults({ params }: Profile, vars: Vars): Vars {
  const defaults = Object.entries(params.properties).filter(([, schema]) => schema.default !== undefined);
  if (defaults.length === 0) return vars;
  return { ...Object.fromEntries(defaults.map(([name, schema]) => [name, schema.default])), ...vars };
}

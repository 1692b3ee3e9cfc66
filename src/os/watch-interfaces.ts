/** Follows interfaces that come, go and change, by looking again every few seconds (one look costs well under 1 ms). */

import { listInterfaces, type NetworkInterface } from './interfaces.ts';

/** What of an interface matters to the sockets on it. `index` means it was deleted and made again. */
export type ChangedPart = 'index' | 'addresses' | 'up' | 'carrier' | 'mac' | 'mtu' | 'ipv6';

export type InterfaceChange =
  | { readonly kind: 'added'; readonly interface: NetworkInterface }
  | { readonly kind: 'removed'; readonly interface: NetworkInterface }
  | {
      readonly kind: 'changed';
      readonly interface: NetworkInterface;
      readonly before: NetworkInterface;
      readonly parts: readonly ChangedPart[];
    };

export interface InterfaceWatchOptions {
  /** Milliseconds between looks; default 3000. */
  readonly everyMs?: number;
  /** Called only when there is something to say; it must not throw. */
  readonly onChange: (changes: readonly InterfaceChange[]) => void;
  /** Default: `listInterfaces`. */
  readonly list?: () => readonly NetworkInterface[];
}

export interface InterfaceWatch {
  /** As of the last look. */
  readonly current: readonly NetworkInterface[];
  /** Looks at once, as after an ENODEV. */
  check(): void;
  close(): void;
}

/** Starts with the interfaces there are now: they are not reported as added. Does not keep the process alive. */
export function watchInterfaces(options: InterfaceWatchOptions): InterfaceWatch {
  const list = options.list ?? (() => listInterfaces());
  let current = list();
  const check = () => {
    const now = list();
    const changes = compareInterfaces(current, now);
    current = now;
    if (changes.length > 0) options.onChange(changes);
  };
  const timer = setInterval(check, options.everyMs ?? 3000);
  timer.unref();
  return {
    get current() {
      return current;
    },
    check,
    close: () => clearInterval(timer),
  };
}

/** Removed first, then added and changed, in the order of the lists. Interfaces are told apart by name. */
export function compareInterfaces(
  before: readonly NetworkInterface[],
  after: readonly NetworkInterface[],
): InterfaceChange[] {
  const old = new Map(before.map((one) => [one.name, one]));
  const names = new Set(after.map((one) => one.name));
  const changes: InterfaceChange[] = before
    .filter((one) => !names.has(one.name))
    .map((one) => ({ kind: 'removed', interface: one }));
  for (const one of after) {
    const previous = old.get(one.name);
    if (!previous) {
      changes.push({ kind: 'added', interface: one });
      continue;
    }
    const parts = changedParts(previous, one);
    if (parts.length > 0) changes.push({ kind: 'changed', interface: one, before: previous, parts });
  }
  return changes;
}

function changedParts(before: NetworkInterface, after: NetworkInterface): ChangedPart[] {
  const scalar = (['index', 'up', 'carrier', 'mac', 'mtu', 'ipv6'] as const).filter(
    (part) => before[part] !== after[part],
  );
  const text = (one: NetworkInterface) => one.addresses.map((own) => `${own.address}/${own.prefix}`).join(' ');
  return text(before) === text(after) ? scalar : [...scalar, 'addresses'];
}

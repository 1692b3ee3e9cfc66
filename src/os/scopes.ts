/** Scopes of link-local IPv6 addresses: people write the interface's name (`fe80::1%eth0`), the kernel wants its number. */
import { networkInterfaces } from 'node:os';

type Interfaces = () => ReturnType<typeof networkInterfaces>;

/**
 * The number of an interface, looked up anew each time: one that was made again has another.
 * @param scope a name, or a number in digits
 * @throws Error with code ENODEV when there is no such interface with an IPv6 address
 */
export function scopeIndex(scope: string, read: Interfaces = networkInterfaces): number {
  if (/^\d+$/.test(scope)) return Number(scope);
  const index = indexes(read()).find(([name]) => name === scope)?.[1];
  if (index === undefined) throw Object.assign(new Error(`there is no interface ${scope}`), { code: 'ENODEV' });
  return index;
}

/** Number → name, remembered; the number itself in digits where no interface has it. */
export function createScopeNames(read: Interfaces = networkInterfaces): (index: number) => string {
  let known = new Map<number, string>();
  return (index) => {
    if (!known.has(index)) known = new Map(indexes(read()).map(([name, number]) => [number, name]));
    return known.get(index) ?? String(index);
  };
}

function indexes(interfaces: ReturnType<Interfaces>): readonly (readonly [string, number])[] {
  return Object.entries(interfaces).flatMap(([name, infos = []]) =>
    infos.flatMap((info) => (info.family === 'IPv6' && info.scopeid > 0 ? [[name, info.scopeid] as const] : [])),
  );
}

/** Classless static routes (RFC 3442): options 121 and 249. */
import {
  ANY_ADDRESS,
  type Cidr,
  formatCidr,
  type Ipv4,
  ipv4FromBytes,
  ipv4ToBytes,
  parseCidr,
  parseIpv4,
} from '../net/ipv4.ts';
import { ip, joinBytes, type Shape } from './shape.ts';

/** Clients that take option 121 ignore option 3: put the default route (0.0.0.0/0) in. */
export interface Route {
  readonly destination: Cidr;
  readonly router: Ipv4;
}

export const routes: Shape<readonly Route[]> = {
  kind: 'routes',
  expects: 'routes such as ["10.1.0.0/16 via 10.0.0.254", "default via 10.0.0.1"]',
  decode: decodeRoutes,
  encode: (value) => {
    const list = Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [];
    const parts = list.map((entry: unknown) => encodeRoute(entry));
    return parts.length > 0 && parts.every((part) => part !== undefined) ? joinBytes(parts) : undefined;
  },
  format: (value) =>
    value
      .map(({ destination, router }) => {
        const isDefault = destination.prefix === 0 && destination.network === ANY_ADDRESS;
        return `${isDefault ? 'default' : formatCidr(destination)} via ${router}`;
      })
      .join(', '),
};

function decodeRoutes(bytes: Uint8Array): Route[] | undefined {
  const found: Route[] = [];
  let at = 0;
  while (at < bytes.length) {
    const prefix = bytes[at] ?? 0;
    const significant = Math.ceil(prefix / 8);
    if (prefix > 32 || at + 1 + significant + 4 > bytes.length) return undefined;
    const octets = new Uint8Array(4);
    octets.set(bytes.subarray(at + 1, at + 1 + significant));
    at += 1 + significant;
    // Host bits must be clear on the wire; a sender that leaves them set means the network.
    const destination = parseCidr(`${ipv4FromBytes(octets)}/${prefix}`);
    const router = ip.decode(bytes.subarray(at, at + 4));
    if (!destination || !router) return undefined;
    found.push({ destination, router });
    at += 4;
  }
  return found.length > 0 ? found : undefined;
}

function encodeRoute(value: unknown): Uint8Array | undefined {
  const route = typeof value === 'string' ? parseRoute(value) : value;
  if (!isRoute(route)) return undefined;
  const { network, prefix } = route.destination;
  const significant = ipv4ToBytes(network).subarray(0, Math.ceil(prefix / 8));
  return Uint8Array.of(prefix, ...significant, ...ipv4ToBytes(route.router));
}

function parseRoute(line: string): Route | undefined {
  const [, left = '', right = ''] = /^\s*(\S+)\s+(?:via\s+)?(\S+)\s*$/.exec(line) ?? [];
  const destination = left === 'default' ? parseCidr('0.0.0.0/0') : parseCidr(left);
  const router = parseIpv4(right);
  return destination && router && { destination, router };
}

function isRoute(value: unknown): value is Route {
  if (typeof value !== 'object' || value === null || !('destination' in value) || !('router' in value)) return false;
  const { destination, router } = value;
  if (typeof router !== 'string' || parseIpv4(router) === undefined) return false;
  if (typeof destination !== 'object' || destination === null) return false;
  if (!('network' in destination) || !('prefix' in destination)) return false;
  return parseCidr(`${destination.network}/${destination.prefix}`)?.network === destination.network;
}

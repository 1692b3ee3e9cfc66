/** Which sockets a set of served networks needs. */
import type { Catalog } from '../boot/catalog.ts';
import { givesAddresses, type NetworkMode } from '../boot/network.ts';
import type { ServedNetwork } from '../boot/served.ts';
import type { Ipv4 } from '../net/ipv4.ts';
import { PROXY_PORT, SERVER_PORT } from './destination.ts';

/** One socket of one interface. */
export interface ListenerPlan {
  /** The same key means the same socket: it stays open. */
  readonly key: string;
  readonly interface: string;
  readonly address: Ipv4;
  readonly prefix: number;
  readonly port: number;
  /** Beside another DHCP server on this machine: both hear the broadcasts. */
  readonly share: boolean;
}

/** Modes that are there beside another server, also one of this machine. */
const BESIDE: readonly NetworkMode[] = ['proxy', 'observe'];

/** Whether a machine of the network may be shown the firmware's menu, whose choice it tells us on port 4011. */
export function mayShowMenu({ network }: ServedNetwork, { profiles }: Pick<Catalog, 'profiles'>): boolean {
  if (!givesAddresses(network.mode)) return false;
  return network.pxeMenu !== undefined || [...profiles.values()].some(({ pxeMenu }) => pxeMenu !== undefined);
}

/**
 * Port 67 wherever a network is served; 4011 where one is served as a proxy or shows the firmware's menu; none for `off`. One socket hears all of an
 * interface: a second one, for another address there, would answer every broadcast again.
 */
export function planListeners(
  networks: readonly ServedNetwork[],
  showsMenu: (served: ServedNetwork) => boolean = () => false,
): readonly ListenerPlan[] {
  const plans = new Map<string, ListenerPlan>();
  const active = networks.filter(({ network }) => network.mode !== 'off');
  for (const served of active) {
    const { interface: name, address, prefix, network } = served;
    const bootService = network.mode === 'proxy' || showsMenu(served);
    // A server must not share its port unseen: two servers would answer every machine.
    const share = active.every((other) => other.interface !== name || BESIDE.includes(other.network.mode));
    for (const port of bootService ? [SERVER_PORT, PROXY_PORT] : [SERVER_PORT]) {
      if ([...plans.values()].some((plan) => plan.interface === name && plan.port === port)) continue;
      const key = `${name} ${address}/${prefix} ${port}${share ? ' shared' : ''}`;
      plans.set(key, { key, interface: name, address, prefix, port, share });
    }
  }
  return [...plans.values()];
}

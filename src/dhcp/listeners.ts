/** Which sockets a set of served networks needs. */
import type { NetworkMode } from '../boot/network.ts';
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

/**
 * Port 67 wherever a network is served; 4011 where one is served as a proxy; none for `off`. One socket hears all of an
 * interface: a second one, for another address there, would answer every broadcast again.
 */
export function planListeners(networks: readonly ServedNetwork[]): readonly ListenerPlan[] {
  const plans = new Map<string, ListenerPlan>();
  const active = networks.filter(({ network }) => network.mode !== 'off');
  for (const { interface: name, address, prefix, network } of active) {
    const proxy = network.mode === 'proxy';
    // A server must not share its port unseen: two servers would answer every machine.
    const share = active.every((other) => other.interface !== name || BESIDE.includes(other.network.mode));
    for (const port of proxy ? [SERVER_PORT, PROXY_PORT] : [SERVER_PORT]) {
      if ([...plans.values()].some((plan) => plan.interface === name && plan.port === port)) continue;
      const key = `${name} ${address}/${prefix} ${port}${share ? ' shared' : ''}`;
      plans.set(key, { key, interface: name, address, prefix, port, share });
    }
  }
  return [...plans.values()];
}

/** What was heard on a wire, as events. */
import type { BootEvent } from '../boot/event.ts';
import type { Lease } from '../boot/lease.ts';
import type { Mac } from '../net/mac.ts';
import { PER_SECOND } from './admission.ts';
import type { WireNews } from './coexistence.ts';
import { LISTEN_MS } from './wire-guard.ts';

export function wireEvent(news: WireNews, at: number): BootEvent {
  const base = { at, kind: 'dhcp.foreign' as const, network: news.network };
  switch (news.kind) {
    case 'server': {
      const { server, interface: name, message, boot } = news.server;
      const summary = news.judgement
        ? `${news.judgement.what}; ${news.judgement.fix}`
        : `DHCP server ${server} answers on the wire of network "${news.network}"`;
      return {
        ...base,
        summary,
        ip: server,
        detail: { interface: name, message, ...(boot !== undefined && { boot }) },
      };
    }
    case 'asking':
      return {
        ...base,
        summary: `network "${news.network}" has a pool of which nobody has a lease yet: for ${LISTEN_MS / 1000} s it is heard whether another DHCP server answers there`,
      };
    case 'held':
      return {
        ...base,
        ip: news.server,
        summary: `network "${news.network}" gives nothing: DHCP server ${news.server} answers there`,
      };
    case 'clear':
      return { ...base, summary: `network "${news.network}" is served: no other DHCP server answered there` };
    default:
      return news satisfies never;
  }
}

/** An address that somebody uses without a lease of ours. */
export function conflictEvent({ network, address, mac, startsAt, expiresAt }: Lease, at: number): BootEvent {
  const minutes = Math.round((expiresAt - startsAt) / 60_000);
  const summary = `${address} is used by ${mac} without a lease: it is given to nobody for ${minutes} min`;
  return { at, kind: 'dhcp.conflict', summary, network, ip: address, mac };
}

/** A machine that asks without end. */
export function floodEvent(mac: Mac, interfaceName: string, at: number): BootEvent {
  const summary = `no answer: it asks more than ${PER_SECOND} times a second; the rest is dropped`;
  return { at, kind: 'dhcp.ignored', summary, mac, detail: { interface: interfaceName } };
}

/** The firmware's own menu on the wire: option 43 of an offer, and which item a boot server request asks for (PXE 2.1 §2.2.3). */
import type { PxeMenu, PxeMenuItem } from '../boot/pxe-menu.ts';
import type { Ipv4 } from '../net/ipv4.ts';
import type { ClientExchange } from './exchange.ts';
import { messageTypeOf, readOption } from './options.ts';
import type { Packet } from './packet.ts';
import { type BootItem, bootItem, DISCOVERY, pxeOptions } from './pxe-options.ts';
import { readSubOption } from './sub-options.ts';

/** Sub-options 6, 8, 9 and 10: our menu, and ourselves as the only server that answers for its items. */
export function menuOptions({ prompt, timeoutSeconds, items }: PxeMenu, server: Ipv4): Record<string, unknown> {
  const { noBroadcast, noMulticast, onlyListedServers } = DISCOVERY;
  const servers = items.filter(({ boots }) => boots !== 'local').map(({ type }) => ({ type, addresses: [server] }));
  return {
    'discovery-control': noBroadcast | noMulticast | onlyListedServers,
    ...(servers.length > 0 && { 'boot-servers': servers }),
    'boot-menu': items.map(({ type, text }) => ({ type, text })),
    'menu-prompt': { timeoutSeconds, text: prompt },
  };
}

/** The item that a REQUEST asks a boot server for (43.71); undefined for every other packet. */
export function askedItem(request: Packet): BootItem | undefined {
  if (messageTypeOf(request) !== 'REQUEST') return undefined;
  return readSubOption(readOption(request, 43, pxeOptions) ?? [], 71, bootItem);
}

/** What a machine that was shown our menu asks for; undefined for every other packet. */
export function menuRequest({ request, decision }: ClientExchange): MenuRequest | undefined {
  const menu = decision.plan.kind === 'loader' ? decision.plan.menu : undefined;
  const asked = menu && askedItem(request);
  return menu && asked && { menu, asked };
}

export interface MenuRequest {
  readonly menu: PxeMenu;
  readonly asked: BootItem;
}

/** The line of the menu that was chosen, when it is one that we boot. */
export function chosenItem(menu: PxeMenu, asked: BootItem): Exclude<PxeMenuItem, { boots: 'local' }> | undefined {
  const item = menu.items.find(({ type }) => type === asked.type);
  return item?.boots === 'local' ? undefined : item;
}

/**
 * A decision as boot fields: siaddr, file and options 43, 60, 66, 67, 97, 150, 175, 209, 210. The rules that make or break
 * a boot are here and come last, so that no configuration can build a combination which firmware refuses.
 */
import type { BootClient } from '../boot/client.ts';
import type { BootPlan, Decision } from '../boot/decide.ts';
import type { ProxyStrategy } from '../boot/learnt.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { ANY_ADDRESS, type Ipv4, parseIpv4 } from '../net/ipv4.ts';
import { formatMac } from '../net/mac.ts';
import { encodeOption } from './options.ts';
import type { Packet } from './packet.ts';
import { askedItem, chosenItem, menuOptions } from './pxe-menu.ts';
import { DISCOVERY, RASPBERRY_PI_BOOT } from './pxe-options.ts';
import { textToBytes } from './text.ts';

/** `server` gives the address as well; `proxy` offers on port 67; `boot-service` answers on port 4011. */
export type BootRole = 'server' | 'proxy' | 'boot-service';

export interface BootFields {
  readonly siaddr: Ipv4;
  readonly file: string;
  readonly options: ReadonlyMap<number, Uint8Array>;
  readonly notes: readonly string[];
}

export interface BootAsk {
  readonly request: Packet;
  readonly client: BootClient;
  readonly decision: Decision;
  readonly served: ServedNetwork;
  readonly role: BootRole;
  /** Of a proxy's offer to PXE firmware; default by firmware. See strategy.ts. */
  readonly strategy?: ProxyStrategy;
  /** What the operator set, see `customOptions`. */
  readonly custom: ReadonlyMap<number, Uint8Array>;
  /** Option 55. */
  readonly asked: readonly number[] | undefined;
}

/** Plans that name the file. */
type FilePlan = Extract<BootPlan, { kind: 'loader' | 'script' }> | { readonly kind: 'file'; readonly path: string };

/** Codes that only the rules below may set for a boot client. */
const OWNED = [43, 60, 66, 67, 97, 175] as const;

export function writeBootFields(ask: BootAsk): BootFields {
  if (ask.client.kind === 'other') return writeForOthers(ask);
  const options = new Map(ask.custom);
  const notes: string[] = [];
  for (const code of OWNED) {
    if (options.delete(code)) notes.push(`option ${code} is left out: for a boot client the boot decision sets it`);
  }
  const { client, served } = ask;
  const { plan } = ask.decision;
  if (plan.kind === 'ignore') return { siaddr: ANY_ADDRESS, file: '', options, notes };

  const siaddr = addressOf(served);
  const echo = ask.request.options.get(97);
  if (echo) options.set(97, echo);
  if (plan.kind === 'files') {
    // Its ROM takes the server of an answer with this text only, asks for files of its own, and no port 4011.
    options.set(66, textToBytes(siaddr)).set(60, textToBytes('PXEClient'));
    options.set(43, encodeOption(43, RASPBERRY_PI_BOOT));
    return { siaddr, file: '', options, notes };
  }
  if (plan.kind === 'loader' && plan.menu && ask.role !== 'boot-service') {
    // The file comes with the item: one named here would be taken at once by some, and the menu never seen.
    options.set(60, textToBytes('PXEClient'));
    options.set(43, encodeOption(43, menuOptions(plan.menu, siaddr)));
    return { siaddr, file: '', options, notes };
  }
  const chosen = chosenPlan(plan, ask);
  const file = fileFor(ask, chosen);
  // In strategy A the file is given on port 4011 only; in an offer it would make UEFI skip that and find nothing.
  const withheld = ask.role === 'proxy' && client.kind === 'pxe' && strategyOf(ask) === 'a';
  if (!withheld) {
    options.set(66, textToBytes(siaddr));
    // PXE firmware ends the name in place, which overwrites the byte behind it unless that is the name's own NUL.
    options.set(67, textToBytes(file, { nul: client.kind === 'pxe' }));
  }
  writeClass(ask, options);
  writeLoaderOptions(ask, chosen, options);
  if (plan.kind === 'loader' && plan.warning !== undefined) notes.push(plan.warning);
  return { siaddr, file: withheld ? '' : file, options, notes };
}

/** A path for PXE firmware, never a URL; a URL for HTTP firmware, never a path; an absolute URL for iPXE. */
function fileFor({ client, served }: BootAsk, plan: FilePlan): string {
  const path = plan.kind === 'loader' ? plan.loader.path : plan.path;
  if (plan.kind === 'file') return path;
  switch (client.kind) {
    case 'http':
      return `${served.server.httpBase}/${path}`;
    case 'ipxe':
      return `${plan.transport === 'http' ? served.server.httpBase : served.server.tftpBase}/${path}`;
    case 'pxe':
    case 'other':
      return path;
    default:
      return client.kind satisfies never;
  }
}

/** The chosen item's file, where the firmware showed a menu. */
function chosenPlan(plan: Exclude<FilePlan, { kind: 'file' }>, { role, request }: BootAsk): FilePlan {
  const asked = role === 'boot-service' && plan.kind === 'loader' && plan.menu ? askedItem(request) : undefined;
  const chosen = asked && plan.kind === 'loader' && plan.menu && chosenItem(plan.menu, asked);
  if (!chosen) return plan;
  return chosen.boots === 'file' ? { kind: 'file', path: chosen.path } : { ...plan, loader: chosen.loader };
}

/** Options 60 and 43, which decide where firmware looks for the file. */
function writeClass(ask: BootAsk, options: Map<number, Uint8Array>): void {
  const { client, role, request } = ask;
  // HTTP Boot discards every answer without its class.
  if (client.kind === 'http') options.set(60, textToBytes('HTTPClient'));
  // From an address server option 60 alone says "ask port 4011", where nobody listens: PXE firmware gets none.
  if (client.kind === 'http' || role === 'server') return;
  options.set(60, textToBytes('PXEClient'));
  if (client.kind !== 'pxe') return;
  const item = askedItem(request);
  const sub: Record<string, unknown> = {};
  // B takes the file out of the offer; UEFI without 43 asks port 4011, whatever its menu code does.
  if (role === 'proxy' ? strategyOf(ask) === 'b' : isBios(client)) sub['discovery-control'] = DISCOVERY.useFileNow;
  if (item && role === 'boot-service') sub['boot-item'] = item;
  if (Object.keys(sub).length > 0) options.set(43, encodeOption(43, sub));
}

function writeLoaderOptions({ client, role, served }: BootAsk, plan: FilePlan, options: Map<number, Uint8Array>): void {
  // There is no proxy to wait for: saves iPXE two seconds.
  if (client.kind === 'ipxe' && role === 'server') options.set(175, encodeOption(175, { 'no-pxedhcp': 1 }));
  // It never asks for them itself: it reads the answer its ROM got (RFC 5071).
  if (plan.kind === 'loader' && plan.loader.loader === 'lpxelinux') {
    options.set(209, textToBytes(`pxelinux.cfg/${formatMac(client.mac, 'pxelinux')}`));
    options.set(210, textToBytes(`${served.server.httpBase}/`));
  }
}

/** Phones and devices: what the operator set, and our own address as TFTP server where they ask for one and may have it. */
function writeForOthers({ role, asked, custom, served, decision }: BootAsk): BootFields {
  const options = new Map(custom);
  if (role !== 'server' || decision.assignment.kind === 'none')
    return { siaddr: ANY_ADDRESS, file: '', options, notes: [] };
  const own = addressOf(served);
  if (asked?.includes(66) && !options.has(66)) options.set(66, textToBytes(own));
  if (asked?.includes(150) && !options.has(150)) options.set(150, encodeOption(150, [own]));
  const wantsServer = options.has(66) || options.has(150);
  return { siaddr: wantsServer ? own : ANY_ADDRESS, file: '', options, notes: [] };
}

function strategyOf({ client, strategy }: BootAsk): ProxyStrategy {
  return strategy ?? (isBios(client) ? 'b' : 'a');
}

function isBios(client: BootClient): boolean {
  return client.arch?.firmware === 'bios';
}

/** Where files are fetched from; always an address, since siaddr holds nothing else. */
function addressOf(served: ServedNetwork): Ipv4 {
  return parseIpv4(served.server.address) ?? served.address;
}

/**
 * Proxy mode: boot information beside a server that gives the addresses (PXE 2.1 §2.2). Offers on port 67 to boot clients
 * only, the file on port 4011. BIOS gets the file in the offer (43.6 = 8), UEFI is led to 4011, iPXE and HTTP Boot take
 * their URL out of the offer. Never an address, never a lease time, never a NAK.
 */
import { type BootRole, writeBootFields } from './boot-options.ts';
import { customOptions } from './custom-options.ts';
import { PROXY_PORT } from './destination.ts';
import { type ClientExchange, ignore, type Outcome } from './exchange.ts';
import { messageTypeOf } from './options.ts';
import { chosenItem, type MenuRequest, menuRequest } from './pxe-menu.ts';
import { askedFor, makeReply } from './reply.ts';
import type { StrategyChoice } from './strategy.ts';

/** What goes with a boot: all else is the address server's to say. */
const BOOT_CODES: ReadonlySet<number> = new Set([43, 60, 66, 67, 97, 150, 175, 208, 209, 210, 211]);

export function respondAsProxy(exchange: ClientExchange): Outcome {
  const { request, client, decision, localPort } = exchange;
  const message = messageTypeOf(request);
  if (client.kind === 'other')
    return ignore(exchange, `a proxy answers boot clients only; ${decision.plan.reason}`, true);
  const wanted = menuRequest(exchange);
  if (wanted) return respondToMenu(exchange, wanted);
  if (localPort === PROXY_PORT) {
    return message === 'REQUEST' || message === 'INFORM' || message === 'DISCOVER'
      ? answer(exchange, 'ACK', 'boot-service')
      : ignore(exchange, `${message ?? 'BOOTP'} is not for the boot service`);
  }
  if (message !== 'DISCOVER') {
    return ignore(exchange, `${message ?? 'BOOTP'} is for the server that gives the addresses`, true);
  }
  return answer(exchange, 'OFFER', 'proxy');
}

/** A boot server request for an item of our menu, on port 4011 or broadcast on 67; in server mode too (PXE 2.1 §2.2.3). */
export function respondToMenu(exchange: ClientExchange, { menu, asked }: MenuRequest): Outcome {
  const item = chosenItem(menu, asked);
  if (!item) return ignore(exchange, `it asks for item ${asked.type} of a menu, which is none of ours`);
  const outcome = answer(exchange, 'ACK', 'boot-service');
  return { ...outcome, reason: `it chose "${item.text}" of the PXE menu; ${outcome.reason}` };
}

function answer(exchange: ClientExchange, message: 'OFFER' | 'ACK', role: BootRole): Outcome {
  const { request, served, client, decision } = exchange;
  if (decision.plan.kind === 'ignore') return ignore(exchange, decision.plan.reason);
  const custom = customOptions(decision);
  const { plan } = decision;
  const asked = askedFor(request);
  const menu = plan.kind === 'loader' && role === 'proxy' ? plan.menu : undefined;
  const leads = role === 'proxy' && client.kind === 'pxe' && plan.kind !== 'files' && !menu;
  const choice = leads ? chooseStrategy(exchange) : undefined;
  const boot = writeBootFields({
    request,
    client,
    served,
    asked,
    decision,
    role,
    custom: custom.options,
    ...(choice && { strategy: choice.strategy }),
  });
  const options = new Map([...boot.options].filter(([code]) => BOOT_CODES.has(code)));
  const packet = makeReply(request, served, {
    message,
    siaddr: boot.siaddr,
    file: boot.file,
    options: [options],
    ...(message === 'ACK' && { ciaddr: request.ciaddr }),
  });
  const reason = leads && boot.file === '' ? `${plan.reason}; the file follows on port 4011` : plan.reason;
  if (choice) exchange.strategies?.offered(client, request.xid, choice.strategy, exchange.now);
  const said = choice ? [`strategy ${choice.strategy.toUpperCase()}: ${choice.because}`] : [];
  const notes = [...said, ...custom.notes, ...boot.notes];
  return { kind: 'reply', message, packet, leases: [], notes, client, decision, reason };
}

/** A quirk's word, then what was learnt, then what the firmware's kind usually takes. */
function chooseStrategy({ decision, strategies, client, request, now }: ClientExchange): StrategyChoice | undefined {
  const { proxyStrategy } = decision.quirks.actions;
  if (proxyStrategy) return { strategy: proxyStrategy, because: 'a quirk says so' };
  return strategies?.choose(client, request.xid, now);
}

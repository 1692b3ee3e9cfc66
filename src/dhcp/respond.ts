/** What is answered to a request, and why: the one way from a packet to an outcome, for the wire, `explain` and tests. */
import { decide } from '../boot/decide.ts';
import { PROXY_PORT } from './destination.ts';
import type { Outcome } from './exchange.ts';
import { type ClientExchange, type Exchange, ignore } from './exchange.ts';
import { readClient } from './facts.ts';
import { messageTypeOf } from './options.ts';
import { BOOTREQUEST } from './packet.ts';
import { menuRequest } from './pxe-menu.ts';
import { applyQuirks } from './quirks.ts';
import { respondAsProxy, respondToMenu } from './respond-proxy.ts';
import { respondToRequest } from './respond-request.ts';
import {
  respondToBootp,
  respondToDecline,
  respondToDiscover,
  respondToInform,
  respondToRelease,
} from './respond-server.ts';
import { judgeRouterWait } from './router-wait.ts';

/** Changes the address book (offers, bindings); everything else is in the outcome. Throws for bugs only. */
export function respond(exchange: Exchange): Outcome {
  return applyQuirks(answer(exchange));
}

function answer(exchange: Exchange): Outcome {
  const { request, served, catalog } = exchange;
  if (request.op !== BOOTREQUEST) return ignore({}, 'it is a reply, not a request', true);
  const reading = readClient(request);
  if (reading.kind === 'none') return ignore({}, reading.reason);
  const { client } = reading;
  const decision = decide(client, catalog, served.network);
  const claimant = {
    mac: client.mac,
    clientId: client.clientId,
    hostname: client.hostname,
    reserved: decision.host?.address,
    port: client.relay && client.circuitId !== undefined ? `${client.relay} ${client.circuitId}` : undefined,
  };
  const known: ClientExchange = { ...exchange, client, decision, claimant };
  const { mode } = served.network;
  if (decision.quirks.actions.ignore) return ignore(known, decision.plan.reason);
  if (exchange.hold !== undefined) return ignore(known, exchange.hold, isRoutineHold(exchange));
  switch (mode) {
    case 'off':
      return ignore(known, `network "${served.network.name}" is off`, true);
    case 'proxy':
      return withRouterWait(respondAsProxy(known), known);
    case 'observe':
      return observe(known);
    case 'responder':
      return claimant.reserved === undefined
        ? ignore(known, `network "${served.network.name}" answers machines with a reserved address only`, true)
        : withRouterWait(respondAsServer(known), known);
    case 'server':
      return withRouterWait(respondAsServer(known), known);
    default:
      return mode satisfies never;
  }
}

/** A client that is refused does not boot: its wait is its own. */
function withRouterWait(outcome: Outcome, exchange: ClientExchange): Outcome {
  if (outcome.kind !== 'reply' || outcome.message === 'NAK') return outcome;
  const routerWait = judgeRouterWait(exchange);
  return routerWait ? { ...outcome, routerWait } : outcome;
}

/** Who holds an address asks its own server; who asks for one, and is not heard, wants to know why. */
function isRoutineHold({ request }: Exchange): boolean {
  return messageTypeOf(request) !== 'DISCOVER';
}

/** Nothing is answered and no address is looked at: what is said is what a proxy would boot the machine with. */
function observe({ request, client, decision }: ClientExchange): Outcome {
  const reason = `${messageTypeOf(request) ?? 'BOOTP'}: ${decision.plan.reason}`;
  return { kind: 'observe', reason, client, decision };
}

function respondAsServer(exchange: ClientExchange): Outcome {
  const wanted = menuRequest(exchange);
  if (wanted) return respondToMenu(exchange, wanted);
  if (exchange.localPort === PROXY_PORT) {
    return ignore(exchange, 'port 4011 is answered for proxy networks only: this one is told all it needs on port 67');
  }
  const message = messageTypeOf(exchange.request);
  switch (message) {
    case 'DISCOVER':
      return respondToDiscover(exchange);
    case 'REQUEST':
      return respondToRequest(exchange);
    case 'DECLINE':
      return respondToDecline(exchange);
    case 'RELEASE':
      return respondToRelease(exchange);
    case 'INFORM':
      return respondToInform(exchange);
    case undefined:
      return exchange.request.options.has(53)
        ? ignore(exchange, 'its message type is unknown')
        : respondToBootp(exchange);
    default:
      return ignore(exchange, `${message} is not for a server of this kind`);
  }
}

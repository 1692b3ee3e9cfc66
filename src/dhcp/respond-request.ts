/** REQUEST in server mode: which state the client is in, and ACK, NAK or silence (RFC 2131 §4.3.2). */
import { ANY_ADDRESS, cidrContains, type Ipv4 } from '../net/ipv4.ts';
import { type ClientExchange, ignore, type Outcome } from './exchange.ts';
import { subnetOf } from './network-choice.ts';
import { readOption } from './options.ts';
import { makeNak, serverIdOf } from './reply.ts';
import { answerWithAddress, leaseSecondsFor, portFull } from './respond-server.ts';
import { ip } from './shape.ts';

/**
 * SELECTING names a server (54); INIT-REBOOT only an address (50); RENEWING and REBINDING have theirs in ciaddr and differ
 * in the way they were sent only. `bare` names nothing: against the RFC, but its offer says what it means.
 */
type RequestState =
  | { readonly kind: 'selecting'; readonly server: Ipv4; readonly address: Ipv4 | undefined }
  | { readonly kind: 'init-reboot'; readonly address: Ipv4 }
  | { readonly kind: 'renewing'; readonly address: Ipv4 }
  | { readonly kind: 'bare' };

export function respondToRequest(exchange: ClientExchange): Outcome {
  const state = stateOf(exchange);
  switch (state.kind) {
    case 'selecting':
      return selecting(exchange, state.server, state.address);
    case 'init-reboot':
      return initReboot(exchange, state.address);
    case 'renewing':
      return renewing(exchange, state.address);
    case 'bare':
      return bare(exchange);
    default:
      return state satisfies never;
  }
}

function stateOf({ request }: ClientExchange): RequestState {
  const server = readOption(request, 54, ip);
  const wish = readOption(request, 50, ip);
  const { ciaddr } = request;
  const has = ciaddr === ANY_ADDRESS ? undefined : ciaddr;
  if (server !== undefined) return { kind: 'selecting', server, address: wish ?? has };
  if (has) return { kind: 'renewing', address: has };
  return wish ? { kind: 'init-reboot', address: wish } : { kind: 'bare' };
}

function selecting(exchange: ClientExchange, server: Ipv4, wish: Ipv4 | undefined): Outcome {
  const { request, served, book, claimant, now } = exchange;
  if (server !== serverIdOf(request, served) && server !== served.address) {
    book.withdraw(claimant);
    return ignore(exchange, `it chose server ${server}`, true);
  }
  const address = wish ?? book.offered(claimant, now);
  if (!address) return ignore(exchange, 'it asks for an address without saying which');
  return grant(exchange, address, 'it took our offer');
}

function initReboot(exchange: ClientExchange, address: Ipv4): Outcome {
  const { request, served, book, claimant, now } = exchange;
  if (!cidrContains(subnetOf(served), address)) {
    // A relay proves which network it is on; on our own link another network may share the wire.
    const proven = request.giaddr !== ANY_ADDRESS || served.network.authoritative;
    return unknown(exchange, `${address} is no address of this network`, proven);
  }
  const record = book.recorded(claimant);
  if (address === record?.address || address === claimant.reserved) return grant(exchange, address, 'it started again');
  // A lease that is over proves nothing: another server may have given it an address since (RFC 2131 §4.3.2).
  if (record?.state === 'bound' && record.expiresAt > now)
    return nak(exchange, `its address is ${record.address}, not ${address}`);
  return refuseIfTaken(exchange, address) ?? unknown(exchange, `nothing is known of its ${address}`);
}

function renewing(exchange: ClientExchange, address: Ipv4): Outcome {
  const { served, book, claimant } = exchange;
  if (!cidrContains(subnetOf(served), address)) return unknown(exchange, `${address} is no address of this network`);
  const record = book.recorded(claimant);
  if (address === record?.address || address === claimant.reserved) return grant(exchange, address, 'it renews');
  return refuseIfTaken(exchange, address) ?? unknown(exchange, `nothing is known of its ${address}`);
}

/** Somebody else's by our own record: two machines must not go on with it, authoritative or not. */
function refuseIfTaken(exchange: ClientExchange, address: Ipv4): Outcome | undefined {
  const { book, claimant, now } = exchange;
  const taken = book.standing(claimant, address, now) === 'taken';
  return taken ? nak(exchange, `${address} belongs to another machine`) : undefined;
}

function bare(exchange: ClientExchange): Outcome {
  const { book, claimant, now } = exchange;
  const address = book.offered(claimant, now) ?? book.recorded(claimant)?.address;
  if (!address) return ignore(exchange, 'it names no address, and none was offered to it');
  return grant(exchange, address, 'it names no address, so the one offered is meant');
}

/** ACK when the address may be its own, else NAK. */
function grant(exchange: ClientExchange, address: Ipv4, why: string): Outcome {
  const { book, claimant, served, decision, now } = exchange;
  const standing = book.standing(claimant, address, now);
  switch (standing) {
    case 'free': {
      if (book.isPortFull(claimant, now)) return ignore(exchange, portFull(exchange));
      const leases = book.bind(claimant, address, leaseSecondsFor(exchange), now);
      const outcome = answerWithAddress(exchange, 'ACK', address, `${address}: ${why}; ${decision.plan.reason}`);
      return { ...outcome, leases };
    }
    case 'move':
      return nak(exchange, `its reserved address ${claimant.reserved} is free now`);
    case 'taken':
      return nak(exchange, `${address} was given to another machine`);
    case 'outside':
      return nak(exchange, `${address} is not given by network "${served.network.name}"`);
    default:
      return standing satisfies never;
  }
}

/** Another server may know the client: only who is authoritative may say no (RFC 2131 §4.3.2). */
function unknown(exchange: ClientExchange, reason: string, mayRefuse = exchange.served.network.authoritative): Outcome {
  if (!exchange.ingressKnown) return ignore(exchange, `${reason}; it may be of another interface`, true);
  return mayRefuse ? nak(exchange, reason) : ignore(exchange, `${reason}; the network is not authoritative`);
}

function nak(exchange: ClientExchange, reason: string): Outcome {
  const { request, served, client, decision } = exchange;
  const packet = makeNak(request, served, reason);
  return { kind: 'reply', message: 'NAK', packet, leases: [], notes: [], client, decision, reason };
}

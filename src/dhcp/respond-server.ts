/** Server mode: DISCOVER, INFORM, DECLINE, RELEASE and BOOTP (RFC 2131 §4.3, RFC 1534). REQUEST is in respond-request.ts. */
import { ANY_ADDRESS, cidrContains, formatCidr, type Ipv4 } from '../net/ipv4.ts';
import { writeBootFields } from './boot-options.ts';
import { customOptions } from './custom-options.ts';
import { type ClientExchange, ignore, type Outcome, type ReplyOutcome } from './exchange.ts';
import type { Choice } from './lease.ts';
import { subnetOf } from './network-choice.ts';
import { networkOptions, timeOptions } from './network-options.ts';
import { readOption } from './options.ts';
import { askedFor, makeBootpReply, makeReply, type ReplyParts, serverIdOf } from './reply.ts';
import { ip, seconds } from './shape.ts';

const RAPID_COMMIT = 80;
/** Less is asked for by mistake only; a lease must outlast the exchange. */
const MIN_LEASE_SECONDS = 60;

/** Firmware and loaders get short leases, so that they do not fill the pool; a client may ask for less. */
export function leaseSecondsFor({ request, client, served: { network } }: ClientExchange): number {
  const most = client.kind === 'other' ? network.leaseSeconds : network.bootLeaseSeconds;
  const wish = readOption(request, 51, seconds);
  return wish === undefined ? most : Math.min(most, Math.max(wish, MIN_LEASE_SECONDS));
}

/** OFFER or ACK of an address, the same in both: firmware may read either. */
export function answerWithAddress(
  exchange: ClientExchange,
  message: 'OFFER' | 'ACK',
  yiaddr: Ipv4,
  reason: string,
): ReplyOutcome {
  const times = timeOptions(leaseSecondsFor(exchange));
  const { parts, notes } = fields(exchange, times);
  const { request, served, client, decision } = exchange;
  // RFC 2131 table 3: an ACK repeats ciaddr, an OFFER does not.
  const ciaddr = message === 'ACK' ? request.ciaddr : ANY_ADDRESS;
  const packet = makeReply(request, served, { ...parts, message, yiaddr, ciaddr });
  return { kind: 'reply', message, packet, leases: [], notes, client, decision, reason };
}

export function respondToDiscover(exchange: ClientExchange): Outcome {
  const { request, book, claimant, now, decision } = exchange;
  if (book.isPortFull(claimant, now)) return ignore(exchange, portFull(exchange));
  const choice = book.offer(claimant, readOption(request, 50, ip), now);
  if (!choice) return ignore(exchange, noAddress(exchange));
  const why = addressReason(choice, decision.plan.reason);
  const { proof } = exchange;
  const isProven = !proof || choice.because === 'current lease' || proof.address === choice.address;
  const outcome = isProven
    ? offerOrCommit(exchange, choice.address, why)
    : { ...answerWithAddress(exchange, 'OFFER', choice.address, why), unproven: choice.address };
  if (choice.identityChanged) {
    const note = `the same machine had ${choice.address} under another client identifier`;
    return { ...outcome, notes: [...outcome.notes, note] };
  }
  if (!choice.reservationTaken) return outcome;
  const note = `its reserved address ${claimant.reserved} is in use by another machine: it got one of the pool`;
  return { ...outcome, notes: [...outcome.notes, note] };
}

/** RFC 4039: where the network allows it, a client that says so has its lease after two packets. */
function offerOrCommit(exchange: ClientExchange, address: Ipv4, why: string): ReplyOutcome {
  const { request, served, book, claimant, now } = exchange;
  if (!served.network.rapidCommit || !request.options.has(RAPID_COMMIT)) {
    return answerWithAddress(exchange, 'OFFER', address, why);
  }
  const leases = book.bind(claimant, address, leaseSecondsFor(exchange), now);
  const outcome = answerWithAddress(exchange, 'ACK', address, `${why}; at once, as it asked`);
  const options = new Map(outcome.packet.options).set(RAPID_COMMIT, new Uint8Array());
  return { ...outcome, packet: { ...outcome.packet, options }, leases };
}

/** Configuration without an address: no yiaddr, no lease times (RFC 2131 §4.3.5). */
export function respondToInform(exchange: ClientExchange): Outcome {
  const { request, served, client, decision, ingressKnown } = exchange;
  const { ciaddr } = request;
  // The answer goes to ciaddr: who writes a foreign one there must not make us send it into the world.
  if (ciaddr === ANY_ADDRESS ? !ingressKnown : !cidrContains(subnetOf(served), ciaddr)) {
    return ignore(exchange, `its address ${ciaddr} is none of this network`, true);
  }
  const { parts, notes } = fields(exchange);
  const packet = makeReply(request, served, { ...parts, message: 'ACK', ciaddr });
  const reason = `it has an address and asks for settings; ${decision.plan.reason}`;
  return { kind: 'reply', message: 'ACK', packet, leases: [], notes, client, decision, reason };
}

export function respondToDecline(exchange: ClientExchange): Outcome {
  const { request, served, book, claimant, client, decision, now } = exchange;
  const server = readOption(request, 54, ip);
  if (server !== undefined && server !== serverIdOf(request, served)) {
    return ignore(exchange, `it declines an address of server ${server}`, true);
  }
  const address = readOption(request, 50, ip);
  if (!address) return ignore(exchange, 'it declines without saying which address');
  const lease = book.decline(claimant, address, now);
  if (!lease) return ignore(exchange, `it declines ${address}, which is not its own`);
  const reason =
    lease.state === 'declined'
      ? `it found ${address} in use by another machine: not given to anybody for ${Math.round((lease.expiresAt - now) / 60_000)} min`
      : `it declined ${address}, as many before: the address stays in the pool`;
  return { kind: 'record', message: 'DECLINE', leases: [lease], client, decision, reason };
}

export function respondToRelease(exchange: ClientExchange): Outcome {
  const { request, served, book, client, claimant, decision, now } = exchange;
  const server = readOption(request, 54, ip);
  if (server !== undefined && server !== serverIdOf(request, served)) {
    return ignore(exchange, `it gives up a lease of server ${server}`, true);
  }
  const lease = book.release(claimant, request.ciaddr, now);
  if (!lease) return ignore(exchange, `it gives up ${request.ciaddr}, which it does not hold`);
  const reason = `it gave up ${lease.address}; the address is kept in mind for it`;
  return { kind: 'record', message: 'RELEASE', leases: [lease], client, decision, reason };
}

/** No message type: a machine of 1985. It keeps what it gets for ever, so it gets reserved addresses only. */
export function respondToBootp(exchange: ClientExchange): Outcome {
  const { request, claimant, client, decision, book, now } = exchange;
  const { reserved } = claimant;
  if (!reserved || book.standing(claimant, reserved, now) !== 'free') {
    return ignore(exchange, 'BOOTP clients get reserved addresses only, and it has none that is free');
  }
  const { parts, notes } = fields(exchange);
  const packet = makeBootpReply(request, { ...parts, yiaddr: reserved });
  const reason = `BOOTP: the address reserved for it; ${decision.plan.reason}`;
  return { kind: 'reply', message: 'BOOTP reply', packet, leases: [], notes, client, decision, reason };
}

function fields(
  exchange: ClientExchange,
  times: ReadonlyMap<number, Uint8Array> = new Map(),
): { parts: Omit<ReplyParts, 'message'>; notes: readonly string[] } {
  const { request, client, decision, served } = exchange;
  const asked = askedFor(request);
  const custom = customOptions(decision);
  const boot = writeBootFields({
    request,
    client,
    served,
    asked,
    decision,
    role: 'server',
    custom: custom.options,
  });
  const options = [networkOptions(served, decision.host, asked), times, boot.options];
  return { parts: { siaddr: boot.siaddr, file: boot.file, options }, notes: [...custom.notes, ...boot.notes] };
}

/** Why a machine behind a full port gets nothing. */
export function portFull({ client, served: { network } }: ClientExchange): string {
  const port = `port ${client.circuitId} of relay ${client.relay}`;
  return `${port} has the ${network.leasesPerPort} addresses that "leasesPerPort" of network "${network.name}" allows`;
}

function addressReason(choice: Choice, planReason: string): string {
  return `${choice.address} (${choice.because}); ${planReason}`;
}

function noAddress({ served }: ClientExchange): string {
  const { network } = served;
  return network.pools.length === 0
    ? `network "${network.name}" has no pool, and no address is reserved for it`
    : `no address of "${network.name}" (${formatCidr(subnetOf(served))}) is free: enlarge its pools or shorten its leases`;
}

/**
 * From a request to its answer on the wire: its network, what `respond` says of it, the question to the wire, the commit,
 * the record. Decides nothing, opens nothing; time is handed in.
 */
import type { RecordEvent } from '../boot/event.ts';
import type { CommitLeases, Lease } from '../boot/lease.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { ANY_ADDRESS, type Ipv4, parseIpv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { ProbeResult } from './address-probes.ts';
import type { Desk, Desks } from './desks.ts';
import { chooseDestination, PROXY_PORT, type SendTarget } from './destination.ts';
import { type Outcome, type RecordOutcome, type ReplyOutcome, type Sighting, tellSeen } from './exchange.ts';
import { createHeldQuestions } from './held-questions.ts';
import { respondToLeasequery } from './leasequery.ts';
import { selectNetwork } from './network-choice.ts';
import { messageTypeOf } from './options.ts';
import { decode, type Packet } from './packet.ts';
import { encodeReply } from './reply.ts';
import { type Delivery, eventOf, xidText } from './report.ts';
import { respond } from './respond.ts';
import type { Arrival, DhcpLog } from './sockets.ts';
import type { StrategyBook } from './strategy.ts';
import { conflictEvent } from './wire-events.ts';
import type { Wires } from './wires.ts';

export interface AnsweringDeps {
  readonly networks: () => readonly ServedNetwork[];
  readonly desks: Pick<Desks, 'find'>;
  readonly wires: Pick<Wires, 'holdOf' | 'canProbe' | 'probe' | 'endRouterWait'> | undefined;
  readonly strategies: StrategyBook;
  readonly commit: CommitLeases;
  /** Runs work whose faults end with the packet they are about. */
  readonly contain: (about: object, work: () => void) => void;
  readonly count: (name: string) => void;
  readonly seen: ((sighting: Sighting) => void) | undefined;
  readonly record: RecordEvent;
  /** What the machine was offered has worked. */
  readonly fetched: (mac: Mac) => void;
  readonly isClosing: () => boolean;
  readonly log: DhcpLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Milliseconds by a clock that only measures. */
  readonly steady: () => number;
  readonly later: (ms: number, work: () => void) => void;
}

export interface Answering {
  /** @param proven an address that was asked about on the wire and not found in use; @param tried how many were asked about */
  answer(arrival: Arrival, proven?: Ipv4, tried?: number): void;
  /** A network that was held back may answer now: so it does, those who asked a moment ago. */
  opened(network: string): void;
  /** Resolves when every commit under way is done. */
  settled(): Promise<unknown>;
}

/** What is sent: an answer to a machine, or to a relay about one. */
interface Sendable extends Pick<ReplyOutcome, 'packet' | 'routerWait'> {
  readonly message: string;
  readonly client?: ReplyOutcome['client'];
}

/** Addresses asked about for one request; the one after is offered as it is. */
const MOST_PROBES = 3;

export function createAnswering(deps: AnsweringDeps): Answering {
  const { desks, wires, strategies, commit, contain, count, record, fetched, isClosing, log, now, steady, later } =
    deps;
  const underWay = new Set<Promise<void>>();
  const held = createHeldQuestions<Arrival>();

  function answer(arrival: Arrival, proven?: Ipv4, tried = 0): void {
    const { listener, request, datagram, startedAt } = arrival;
    if (messageTypeOf(request) === 'LEASEQUERY') {
      answerLeasequery(arrival);
      return;
    }
    const { plan } = listener;
    const ingressKnown = datagram.ingress === 'known' || request.giaddr !== ANY_ADDRESS;
    const choice = selectNetwork(deps.networks(), plan.interface, request);
    const desk = choice.kind === 'served' ? desks.find(choice.served.network.name) : undefined;
    if (choice.kind === 'none' || !desk) {
      count('ignored');
      const reason = choice.kind === 'none' ? choice.reason : 'its network is being opened';
      log.debug({ interface: plan.interface, xid: xidText(request), reason }, 'DHCP request of no network here');
      return;
    }
    const { served } = choice;
    const { name, probeMs } = served.network;
    const hold = wires?.holdOf(name);
    const isOnLink = request.giaddr === ANY_ADDRESS;
    const canProve = isOnLink && probeMs > 0 && tried < MOST_PROBES && wires?.canProbe(served.interface);
    const outcome = respond({
      request,
      served,
      book: desk.book,
      catalog: desk.catalog,
      now: now(),
      localPort: plan.port,
      ingressKnown,
      ...(hold !== undefined && { hold }),
      strategies,
      ...(canProve && { proof: { address: proven } }),
    });
    tellSeen(deps.seen, outcome, name);
    if (hold !== undefined && outcome.client && messageTypeOf(request) === 'DISCOVER') {
      held.keep(name, outcome.client.mac, keepArrival(arrival), now());
    }
    if (outcome.kind === 'reply' && outcome.unproven) {
      const { unproven: address, client } = outcome;
      const probe = wires?.probe({ interface: served.interface, address, mac: client.mac, waitMs: probeMs });
      if (probe) {
        afterProbe(arrival, desk, address, tried, probe);
        return;
      }
    }
    const finish = (sent: Partial<Delivery> = {}) => {
      const delivery = {
        at: now(),
        ms: Math.round((steady() - startedAt) * 100) / 100,
        networkBecause: choice.because,
        ...sent,
      };
      report(outcome, request, served, delivery);
    };
    if (outcome.kind === 'ignore' || outcome.kind === 'observe') finish();
    else if (outcome.kind === 'record') afterCommit(outcome.leases, aboutOf(outcome), finish);
    else {
      if (plan.port === PROXY_PORT) fetched(outcome.client.mac);
      const send = prepare(arrival, outcome);
      const { delayMs = 0 } = outcome;
      const leave = () => (delayMs > 0 ? later(delayMs, () => contain({}, () => finish(send()))) : finish(send()));
      if (outcome.leases.length === 0) leave();
      else afterCommit(outcome.leases, aboutOf(outcome), leave);
    }
  }

  /** No event: a relay that was started anew asks for thousands of addresses at once. */
  function answerLeasequery(arrival: Arrival): void {
    const { listener, request } = arrival;
    const networks = deps.networks().flatMap(({ network: { name } }) => {
      const desk = desks.find(name);
      return desk ? [{ ...desk, hold: wires?.holdOf(name) }] : [];
    });
    const outcome = respondToLeasequery(request, networks, listener.plan.address, now());
    const about = { interface: listener.plan.interface, relay: request.giaddr, xid: xidText(request) };
    if (outcome.kind === 'ignore') {
      count('ignored');
      log.debug({ ...about, reason: outcome.reason }, 'no answer to a leasequery');
      return;
    }
    const sent = prepare(arrival, outcome)();
    log.debug({ ...about, ...sent, reason: outcome.reason }, outcome.message);
  }

  /** Nobody else waits: the request is answered again when the wire has spoken, or kept silent. */
  function afterProbe(arrival: Arrival, desk: Desk, address: Ipv4, tried: number, probe: Promise<ProbeResult>): void {
    const kept = keepArrival(arrival);
    void probe.then((result) =>
      contain({ address }, () => {
        if (isClosing()) return;
        if (result.kind === 'silent') {
          answer(kept, address, tried + 1);
          return;
        }
        count('conflicts');
        const lease = desk.book.setAside(address, result.by, now());
        const event = conflictEvent(lease, now());
        log.warn({ network: lease.network, ip: address, mac: result.by }, event.summary);
        record(event);
        afterCommit([lease], { mac: result.by, reason: event.summary }, () => answer(kept, undefined, tried + 1));
      }),
    );
  }

  /** Encodes now, while the datagram's bytes are ours. */
  function prepare({ listener, request, datagram }: Arrival, outcome: Sendable): () => Partial<Delivery> {
    const { plan } = listener;
    const source = { address: parseIpv4(datagram.from.address) ?? ANY_ADDRESS, port: datagram.from.port };
    const target: SendTarget = chooseDestination(request, outcome.packet, source, plan.port);
    const { bytes, dropped } = encodeReply(request, outcome.packet);
    return () => {
      const sentBy = listener.socket?.send(bytes, target);
      if (sentBy === undefined) return { sentBy: 'nowhere, its socket is closed' };
      count(`sent_${outcome.message.toLowerCase().replace(' ', '_')}`);
      const to = `${target.kind === 'broadcast' ? 'broadcast' : target.address}:${target.port}`;
      const { routerWait, client } = outcome;
      const ended = routerWait?.end && client ? wires?.endRouterWait(plan.interface, client.mac) : undefined;
      return { sentBy, dropped, to, routerAdvertisement: ended };
    };
  }

  /** An acknowledged lease survives a crash: it is stored before the ACK leaves. */
  function afterCommit(leases: readonly Lease[], about: { mac: Mac; reason: string }, then: () => void): void {
    const work = commit(leases).then(
      () => contain({ mac: about.mac }, then),
      (error: unknown) => {
        count('commit_failed');
        log.error({ ...about, err: error }, 'the lease could not be stored, so nothing is acknowledged');
      },
    );
    const guarded: Promise<void> = work.finally(() => underWay.delete(guarded));
    underWay.add(guarded);
  }

  function report(outcome: Outcome, request: Packet, served: ServedNetwork, delivery: Delivery): void {
    const event = eventOf(outcome, request, served, delivery);
    const { at: _, summary, detail, ...fields } = event;
    const { trace: __, ...facts } = detail ?? {};
    const line = { ...fields, ...facts, reason: outcome.reason };
    if (outcome.kind === 'ignore') count('ignored');
    if (outcome.kind === 'ignore' && outcome.routine) log.debug(line, summary);
    else {
      log.info(line, summary);
      record(event);
    }
  }

  function opened(network: string): void {
    for (const arrival of held.release(network, now())) {
      contain({ network }, () => isClosing() || answer({ ...arrival, startedAt: steady() }));
    }
  }

  return { answer, opened, settled: () => Promise.all(underWay) };
}

function aboutOf({ client, reason }: ReplyOutcome | RecordOutcome): { mac: Mac; reason: string } {
  return { mac: client.mac, reason };
}

/** The datagram's bytes are ours for this turn only. */
export function keepArrival(arrival: Arrival): Arrival {
  const bytes = Buffer.from(arrival.datagram.bytes);
  return { ...arrival, datagram: { ...arrival.datagram, bytes }, request: decode(bytes) };
}

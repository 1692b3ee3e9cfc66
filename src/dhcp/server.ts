/** DOOR: DHCP on ports 67 and 4011, one socket per served interface. Decides nothing: `respond` does. */
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../boot/catalog.ts';
import type { RecordEvent } from '../boot/event.ts';
import type { LearntStrategy } from '../boot/learnt.ts';
import type { CommitLeases, Lease } from '../boot/lease.ts';
import type { StoredLeases } from '../boot/packed-leases.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { WireError } from '../net/bytes.ts';
import { ANY_ADDRESS, type Ipv4, parseIpv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { Datagram, DatagramMaker } from '../os/datagram.ts';
import type { OpenWire } from '../os/wire.ts';
import type { ProbeResult } from './address-probes.ts';
import type { SeenServer } from './coexistence.ts';
import { createDesks, type Desk } from './desks.ts';
import { chooseDestination, PROXY_PORT, SERVER_PORT, type SendTarget } from './destination.ts';
import { type Outcome, type RecordOutcome, type ReplyOutcome, type Sighting, tellSeen } from './exchange.ts';
import { type ExplainQuestion, type Explanation, explain } from './explain.ts';
import { createGroupCommit } from './group-commit.ts';
import { createIntake } from './intake.ts';
import { selectNetwork } from './network-choice.ts';
import { messageTypeOf } from './options.ts';
import { BOOTREPLY, decode, type Packet } from './packet.ts';
import { encodeReply } from './reply.ts';
import { type Delivery, eventOf, xidText } from './report.ts';
import { respond } from './respond.ts';
import { createSockets, type DhcpLog, type Listener, type ListenerStatus } from './sockets.ts';
import { createStrategyBook } from './strategy.ts';
import { conflictEvent, floodEvent, wireEvent } from './wire-events.ts';
import { createWires, type Wires } from './wires.ts';

export interface DhcpServerDeps {
  /** `maker.open` of os/datagram.ts. */
  readonly openSocket: DatagramMaker['open'];
  readonly snapshot: () => Catalog;
  /** Everything the store holds now, of all networks. Asked whenever a network begins to be served, before its first answer. */
  readonly loadLeases: () => Promise<StoredLeases | Iterable<Lease>> | StoredLeases | Iterable<Lease>;
  readonly commitLeases: CommitLeases;
  readonly record: RecordEvent;
  /** Told of every client that was understood, before its answer leaves. */
  readonly seen?: ((sighting: Sighting) => void) | undefined;
  readonly log: DhcpLog;
  /** Default: wires are neither heard nor asked, and no network is held back. */
  readonly openWire?: OpenWire;
  /** What the store holds of it; default: nothing. */
  readonly learnt?: Iterable<LearntStrategy>;
  /** Stores what is new; never waited for. Default: it is forgotten at the end. */
  readonly keepLearnt?: (learnt: readonly LearntStrategy[]) => void;
  /** Milliseconds since 1970, never going back: a clock that is set back must not free leases. */
  readonly now: () => number;
}

export interface DhcpServer {
  /**
   * Serves exactly these networks from now on: opens and closes sockets as needed, leaves the others alone. A socket that
   * cannot be opened is reported and tried again by the next call. Never rejects.
   */
  setNetworks(served: readonly ServedNetwork[]): Promise<readonly ListenerStatus[]>;
  listeners(): readonly ListenerStatus[];
  /** Every lease on record of the networks that are served, or were and are still configured. */
  leases(): readonly Lease[];
  /** Ends a lease or a quarantine; resolves when that is stored, undefined when there is neither. Throws as `commitLeases`. */
  freeLease(network: string, address: Ipv4): Promise<Lease | undefined>;
  /** What a machine on `network` would get; undefined for a network that is not served. */
  explain(question: ExplainQuestion, network: string): Explanation | undefined;
  /** Other DHCP servers on the wires of the networks, lately. */
  otherServers(): readonly SeenServer[];
  /** Networks that answer nobody now, and why. */
  heldBack(): readonly { readonly network: string; readonly reason: string }[];
  /** Resolves when it is known of every network whether it may answer beside others. */
  settled(): Promise<void>;
  /** A machine fetched a file: what it was offered has worked. */
  fetched(mac: Mac): void;
  /** How proxying worked for machines and kinds of firmware. */
  strategies(): readonly LearntStrategy[];
  /** Totals since the start, by snake-case name. */
  counters(): Readonly<Record<string, number>>;
  /** Stops hearing, then waits for the answers under way. */
  close(): Promise<void>;
}

/** A request on its way through. */
interface Arrival {
  readonly listener: Listener;
  readonly request: Packet;
  readonly datagram: Datagram;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

/** Addresses asked about for one request; the one after is offered as it is. */
const MOST_PROBES = 3;
const SETTLED_MS = 50;

export function createDhcpServer(deps: DhcpServerDeps): DhcpServer {
  const { log } = deps;
  const totals = new Map<string, number>();
  const count = (name: string) => totals.set(name, (totals.get(name) ?? 0) + 1);
  const underWay = new Set<Promise<void>>();
  const commit = createGroupCommit(deps.commitLeases, setImmediate);
  const desks = createDesks({
    snapshot: deps.snapshot,
    // What is being acknowledged now must be in the store before it is read.
    loadLeases: () => Promise.all(underWay).then(deps.loadLeases),
  });
  const sockets = createSockets({
    openSocket: deps.openSocket,
    receive,
    onFailure: () => count('socket_errors'),
    log,
  });
  const wires = deps.openWire && openWires(deps.openWire);
  const strategies = createStrategyBook(deps.learnt);
  const intake = createIntake<Arrival>({
    answer: (arrival) => contain({ interface: arrival.listener.plan.interface }, () => closing || answer(arrival)),
    keep,
    soon: setImmediate,
    count,
    tell: (mac, { listener }) => deps.record(floodEvent(mac, listener.plan.interface, deps.now())),
  });
  let networks: readonly ServedNetwork[] = [];
  let closing = false;
  let lastChange: Promise<unknown> = Promise.resolve();

  function openWires(openWire: OpenWire): Wires {
    return createWires({
      openWire,
      now: deps.now,
      count,
      drawXid: () => randomInt(0x1_0000_0000),
      onError: (err) => {
        count('bugs');
        log.error({ err }, 'a fault while hearing the wire');
      },
      broadcast(name, bytes) {
        const socket = sockets.find(name, SERVER_PORT);
        return socket?.send(bytes, { kind: 'broadcast', port: SERVER_PORT }) !== undefined;
      },
      isOwned: (network) => desks.isInUse(network, deps.now()),
      tell(news) {
        const event = wireEvent(news, deps.now());
        const isTrouble = news.kind === 'held' || (news.kind === 'server' && news.judgement !== undefined);
        log[isTrouble ? 'warn' : 'info']({ network: news.network, ...event.detail }, event.summary);
        deps.record(event);
      },
    });
  }

  /** One change at a time: interfaces and configuration may change together. */
  function setNetworks(served: readonly ServedNetwork[]): Promise<readonly ListenerStatus[]> {
    const change = lastChange.then(() => changeNetworks(served));
    // A failed change must not stand in the way of the next.
    lastChange = change.catch(() => undefined);
    return change;
  }

  async function changeNetworks(served: readonly ServedNetwork[]): Promise<readonly ListenerStatus[]> {
    // Who is served no more falls silent first: a successor must find every lease that was acknowledged.
    const names = new Set(served.map(({ network }) => network.name));
    networks = networks.filter(({ network }) => names.has(network.name));
    const isConfigured = (name: string) => names.has(name) || deps.snapshot().networks.has(name);
    desks.keep(isConfigured);
    const ready: ServedNetwork[] = [];
    for (const one of served) if (await openDesk(one, isConfigured)) ready.push(one);
    await sockets.closeOthers(ready);
    networks = ready;
    // Before the first request can be heard: a new pool is held back until the wire was asked.
    wires?.setNetworks(ready);
    await sockets.open(ready);
    return sockets.status();
  }

  async function openDesk(served: ServedNetwork, isConfigured: (name: string) => boolean): Promise<boolean> {
    const { name } = served.network;
    try {
      await desks.open(
        served,
        networks.some(({ network }) => network.name === name),
        isConfigured,
      );
      return true;
    } catch (error) {
      log.error({ network: name, err: error }, `network "${name}" is not served: its leases cannot be read`);
      return false;
    }
  }

  function receive(listener: Listener, datagram: Datagram): void {
    if (closing) return;
    const startedAt = performance.now();
    count('received');
    const from = { interface: listener.plan.interface, from: datagram.from };
    contain(from, () => {
      const request = decode(datagram.bytes);
      count(`received_${(messageTypeOf(request) ?? 'bootp').toLowerCase()}`);
      if (wires?.isOwnQuestion(request)) return;
      if (request.op === BOOTREPLY) {
        wires?.hear(listener.plan.interface, request, parseIpv4(datagram.from.address) ?? ANY_ADDRESS, deps.now());
      }
      intake({ listener, request, datagram, startedAt }, deps.now());
    });
  }

  function fetched(mac: Mac): void {
    const news = strategies.worked(mac, deps.now());
    if (news.length > 0) deps.keepLearnt?.(news);
  }

  /** Whatever is wrong with a packet, or with us about it, ends with that packet. */
  function contain(about: object, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof WireError) {
        count('malformed');
        log.debug({ ...about, err: error }, 'malformed DHCP packet');
      } else {
        count('bugs');
        log.error({ ...about, err: error }, 'a bug, met by one DHCP packet');
      }
    }
  }

  /** @param proven an address that was asked about on the wire and not found in use; @param tried how many were asked about */
  function answer(arrival: Arrival, proven?: Ipv4, tried = 0): void {
    const { listener, request, datagram, startedAt } = arrival;
    const { plan } = listener;
    const ingressKnown = datagram.ingress === 'known' || request.giaddr !== ANY_ADDRESS;
    const choice = selectNetwork(networks, plan.interface, request);
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
      now: deps.now(),
      localPort: plan.port,
      ingressKnown,
      ...(hold !== undefined && { hold }),
      strategies,
      ...(canProve && { proof: { address: proven } }),
    });
    tellSeen(deps.seen, outcome, name);
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
        at: deps.now(),
        ms: Math.round((performance.now() - startedAt) * 100) / 100,
        networkBecause: choice.because,
        ...sent,
      };
      report(outcome, request, served, delivery);
    };
    if (outcome.kind === 'ignore' || outcome.kind === 'observe') finish();
    else if (outcome.kind === 'record') afterCommit(outcome.leases, aboutOf(outcome), finish);
    else {
      if (plan.port === PROXY_PORT) fetched(outcome.client.mac);
      const send = prepare(listener, request, outcome, datagram);
      const { delayMs = 0 } = outcome;
      const leave = () =>
        delayMs > 0 ? void setTimeout(() => contain({}, () => finish(send())), delayMs) : finish(send());
      if (outcome.leases.length === 0) leave();
      else afterCommit(outcome.leases, aboutOf(outcome), leave);
    }
  }

  /** Nobody else waits: the request is answered again when the wire has spoken, or kept silent. */
  function afterProbe(arrival: Arrival, desk: Desk, address: Ipv4, tried: number, probe: Promise<ProbeResult>): void {
    const kept = keep(arrival);
    void probe.then((result) =>
      contain({ address }, () => {
        if (closing) return;
        if (result.kind === 'silent') {
          answer(kept, address, tried + 1);
          return;
        }
        count('conflicts');
        const lease = desk.book.setAside(address, result.by, deps.now());
        const event = conflictEvent(lease, deps.now());
        log.warn({ network: lease.network, ip: address, mac: result.by }, event.summary);
        deps.record(event);
        afterCommit([lease], { mac: result.by, reason: event.summary }, () => answer(kept, undefined, tried + 1));
      }),
    );
  }

  /** Encodes now, while the datagram's bytes are ours. */
  function prepare(
    listener: Listener,
    request: Packet,
    outcome: ReplyOutcome,
    datagram: Datagram,
  ): () => Partial<Delivery> {
    const { plan } = listener;
    const source = { address: parseIpv4(datagram.from.address) ?? ANY_ADDRESS, port: datagram.from.port };
    const target: SendTarget = chooseDestination(request, outcome.packet, source, plan.port);
    const { bytes, dropped } = encodeReply(request, outcome.packet);
    return () => {
      const sentBy = listener.socket?.send(bytes, target);
      if (sentBy === undefined) return { sentBy: 'nowhere, its socket is closed' };
      count(`sent_${outcome.message.toLowerCase().replace(' ', '_')}`);
      return {
        ...{ sentBy, dropped, to: `${target.kind === 'broadcast' ? 'broadcast' : target.address}:${target.port}` },
        routerAdvertisement: outcome.routerWait?.end
          ? wires?.endRouterWait(plan.interface, outcome.client.mac)
          : undefined,
      };
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
      deps.record(event);
    }
  }

  return {
    setNetworks,
    listeners: sockets.status,
    freeLease: (network, address) => desks.free(network, address, deps.now(), commit),
    leases: desks.leases,
    explain(question, network) {
      const desk = desks.find(network);
      const hold = wires?.holdOf(network);
      return desk && explain(question, { ...desk, strategies, now: deps.now(), ...(hold !== undefined && { hold }) });
    },
    otherServers: () => wires?.seen() ?? [],
    heldBack: () =>
      networks.flatMap(({ network }) => {
        const reason = wires?.holdOf(network.name);
        return reason === undefined ? [] : [{ network: network.name, reason }];
      }),
    async settled() {
      await lastChange;
      while (wires && !closing && !wires.isSettled()) await delay(SETTLED_MS);
    },
    fetched,
    strategies: strategies.list,
    counters: () => Object.fromEntries(totals),
    async close() {
      // No new answer from here on; those under way still leave.
      closing = true;
      await lastChange;
      await Promise.all(underWay);
      wires?.close();
      await setNetworks([]);
    },
  };
}

function aboutOf({ client, reason }: ReplyOutcome | RecordOutcome): { mac: Mac; reason: string } {
  return { mac: client.mac, reason };
}

/** The datagram's bytes are ours for this turn only. */
function keep(arrival: Arrival): Arrival {
  const bytes = Buffer.from(arrival.datagram.bytes);
  return { ...arrival, datagram: { ...arrival.datagram, bytes }, request: decode(bytes) };
}

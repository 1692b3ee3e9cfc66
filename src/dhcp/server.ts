/** DOOR: DHCP on ports 67 and 4011, one socket per served interface. Decides nothing: `respond` does. */
import { randomInt } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { Catalog } from '../boot/catalog.ts';
import type { RecordEvent } from '../boot/event.ts';
import type { LearntStrategy } from '../boot/learnt.ts';
import type { CommitLeases, Lease, LeaseQuery } from '../boot/lease.ts';
import type { StoredLeases } from '../boot/packed-leases.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { WireError } from '../net/bytes.ts';
import { ANY_ADDRESS, type Ipv4, parseIpv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { Datagram, DatagramMaker } from '../os/datagram.ts';
import type { OpenWire } from '../os/wire.ts';
import { createAnswering, keepArrival } from './answering.ts';
import type { SeenServer } from './coexistence.ts';
import { createDesks } from './desks.ts';
import { SERVER_PORT } from './destination.ts';
import type { Sighting } from './exchange.ts';
import { type ExplainQuestion, type Explanation, explain } from './explain.ts';
import { readHolder } from './facts.ts';
import { createGroupCommit } from './group-commit.ts';
import { createIntake } from './intake.ts';
import { mayShowMenu, planListeners } from './listeners.ts';
import { messageTypeOf } from './options.ts';
import { BOOTREPLY, decode } from './packet.ts';
import { type Arrival, createSockets, type DhcpLog, type Listener, type ListenerStatus } from './sockets.ts';
import { createStrategyBook } from './strategy.ts';
import { floodEvent, wireEvent } from './wire-events.ts';
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
  leases(query?: Omit<LeaseQuery, 'now' | 'limit'> & { readonly limit?: number }): readonly Lease[];
  leaseCount(): number;
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

const SETTLED_MS = 50;

export function createDhcpServer(deps: DhcpServerDeps): DhcpServer {
  const { log } = deps;
  const totals = new Map<string, number>();
  const count = (name: string) => totals.set(name, (totals.get(name) ?? 0) + 1);
  const commit = createGroupCommit(deps.commitLeases, setImmediate);
  const desks = createDesks({
    snapshot: deps.snapshot,
    // What is being acknowledged now must be in the store before it is read.
    loadLeases: () => answering.settled().then(deps.loadLeases),
  });
  const sockets = createSockets({
    openSocket: deps.openSocket,
    receive,
    onFailure: () => count('socket_errors'),
    log,
  });
  const wires = deps.openWire && openWires(deps.openWire);
  const strategies = createStrategyBook(deps.learnt);
  const answering = createAnswering({
    networks: () => networks,
    desks,
    wires,
    strategies,
    commit,
    contain,
    count,
    seen: deps.seen,
    record: deps.record,
    fetched,
    isClosing: () => closing,
    log,
    now: deps.now,
    steady: () => performance.now(),
    later: (ms, work) => void setTimeout(work, ms),
  });
  const intake = createIntake<Arrival>({
    answer: (arrival) =>
      contain({ interface: arrival.listener.plan.interface }, () => closing || answering.answer(arrival)),
    isKnown(request) {
      const who = readHolder(request);
      return who !== undefined && desks.knows(who, deps.now());
    },
    keep: keepArrival,
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
        if (news.kind === 'clear') answering.opened(news.network);
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
    const plans = planListeners(ready, (one) => mayShowMenu(one, deps.snapshot()));
    await sockets.closeOthers(plans);
    networks = ready;
    // Before the first request can be heard: a new pool is held back until the wire was asked.
    wires?.setNetworks(ready);
    await sockets.open(plans);
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

  return {
    setNetworks,
    listeners: sockets.status,
    freeLease: (network, address) => desks.free(network, address, deps.now(), commit),
    leases: (query) => desks.leases({ limit: Number.POSITIVE_INFINITY, ...query, now: deps.now() }),
    leaseCount: desks.leaseCount,
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
      await answering.settled();
      wires?.close();
      await setNetworks([]);
    },
  };
}

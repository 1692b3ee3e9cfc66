/** DOOR: DHCP on ports 67 and 4011, one socket per served interface. Decides nothing: `respond` does. */
import { performance } from 'node:perf_hooks';
import type { Catalog } from '../boot/catalog.ts';
import type { BootClient } from '../boot/client.ts';
import type { Decision } from '../boot/decide.ts';
import type { RecordEvent } from '../boot/event.ts';
import type { CommitLeases, Lease } from '../boot/lease.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { AppError, messageOf } from '../errors.ts';
import { WireError } from '../net/bytes.ts';
import { ANY_ADDRESS, parseIpv4 } from '../net/ipv4.ts';
import type { Datagram, DatagramMaker, InterfaceSocket } from '../os/datagram.ts';
import { createDesks } from './desks.ts';
import { chooseDestination, type SendTarget } from './destination.ts';
import type { Outcome, RecordOutcome, ReplyOutcome } from './exchange.ts';
import { type ExplainQuestion, type Explanation, explain } from './explain.ts';
import { createGroupCommit } from './group-commit.ts';
import { type ListenerPlan, planListeners } from './listeners.ts';
import { selectNetwork } from './network-choice.ts';
import { messageTypeOf } from './options.ts';
import { decode, type Packet } from './packet.ts';
import { encodeReply } from './reply.ts';
import { type Delivery, eventOf, xidText } from './report.ts';
import { respond } from './respond.ts';

/** As much of a pino logger as is used. */
interface DhcpLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Sighting {
  readonly client: BootClient;
  /** Name of the network it asked on. */
  readonly network: string;
  readonly answered: boolean;
  readonly decision?: Decision;
}

export interface DhcpServerDeps {
  /** `maker.open` of os/datagram.ts. */
  readonly openSocket: DatagramMaker['open'];
  readonly snapshot: () => Catalog;
  /** Everything the store holds now, of all networks. Asked whenever a network begins to be served, before its first answer. */
  readonly loadLeases: () => Promise<Iterable<Lease>> | Iterable<Lease>;
  readonly commitLeases: CommitLeases;
  readonly record: RecordEvent;
  /** Told of every client that was understood, before its answer leaves. */
  readonly seen?: ((sighting: Sighting) => void) | undefined;
  readonly log: DhcpLog;
  /** Milliseconds since 1970, never going back: a clock that is set back must not free leases. */
  readonly now: () => number;
}

interface ListenerStatus {
  readonly interface: string;
  readonly address: string;
  readonly port: number;
  /** Absent when the socket could not be opened. */
  readonly socket?: Pick<InterfaceSocket, 'maker' | 'receiveBufferBytes' | 'unicast'>;
  /** Why it is not open. */
  readonly problem?: string;
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
  /** What a machine on `network` would get; undefined for a network that is not served. */
  explain(question: ExplainQuestion, network: string): Explanation | undefined;
  /** Totals since the start, by snake-case name. */
  counters(): Readonly<Record<string, number>>;
  /** Stops hearing, then waits for the answers under way. */
  close(): Promise<void>;
}

interface Listener {
  readonly plan: ListenerPlan;
  socket?: InterfaceSocket;
  problem?: string;
}

export function createDhcpServer(deps: DhcpServerDeps): DhcpServer {
  const { log } = deps;
  const listeners = new Map<string, Listener>();
  const totals = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  const commit = createGroupCommit(deps.commitLeases, setImmediate);
  const desks = createDesks({
    snapshot: deps.snapshot,
    // What is being acknowledged now must be in the store before it is read.
    loadLeases: () => Promise.all(underWay).then(deps.loadLeases),
  });
  let networks: readonly ServedNetwork[] = [];
  let closing = false;
  let lastChange: Promise<unknown> = Promise.resolve();

  const count = (name: string) => totals.set(name, (totals.get(name) ?? 0) + 1);

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
    const wanted = new Map(planListeners(ready).map((plan) => [plan.key, plan]));
    for (const [key, listener] of listeners) {
      if (wanted.has(key)) continue;
      listeners.delete(key);
      await closeListener(listener);
    }
    networks = ready;
    await Promise.all([...wanted.values()].map(openListener));
    return listenerStatus();
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

  async function openListener(plan: ListenerPlan): Promise<void> {
    if (listeners.get(plan.key)?.socket) return;
    const listener: Listener = { plan };
    listeners.set(plan.key, listener);
    const { interface: name, address, port } = plan;
    try {
      listener.socket = await deps.openSocket({
        interface: name,
        address,
        prefix: plan.prefix,
        port,
        share: plan.share,
        onDatagram: (datagram) => receive(listener, datagram),
        onError: (error) => fail(listener, error),
      });
      const { maker, unicast, receiveBufferBytes } = listener.socket;
      log.info({ interface: name, address, port, maker, unicast, receiveBufferBytes }, `DHCP on ${name} port ${port}`);
    } catch (error) {
      listener.problem = messageOf(error);
      log.error({ interface: name, address, port, err: error }, `no DHCP on ${name} port ${port}: ${messageOf(error)}`);
    }
  }

  function fail(listener: Listener, error: Error): void {
    count('socket_errors');
    const { plan } = listener;
    log.warn({ interface: plan.interface, port: plan.port, err: error }, messageOf(error));
    if (!(error instanceof AppError) || error.code !== 'interface-missing') return;
    // The next setNetworks opens it again, when the interface is back.
    listener.problem = messageOf(error);
    void closeListener(listener);
  }

  /** An answer that is still waiting for its commit finds no socket and is dropped: the client asks again. */
  async function closeListener(listener: Listener): Promise<void> {
    const { socket } = listener;
    delete listener.socket;
    try {
      await socket?.close();
    } catch (error) {
      const { interface: name, port } = listener.plan;
      log.warn({ interface: name, port, err: error }, `the socket of ${name} port ${port} did not close cleanly`);
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
      answer(listener, request, datagram, startedAt);
    });
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

  function answer(listener: Listener, request: Packet, datagram: Datagram, startedAt: number): void {
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
    const outcome = respond({
      request,
      served,
      book: desk.book,
      catalog: desk.catalog,
      now: deps.now(),
      localPort: plan.port,
      ingressKnown,
    });
    if (outcome.client) {
      const { client, decision } = outcome;
      const answered = outcome.kind === 'reply';
      deps.seen?.({ client, network: served.network.name, answered, ...(decision && { decision }) });
    }
    const finish = (sent: Partial<Delivery> = {}) => {
      const delivery = { at: deps.now(), ms: Math.round((performance.now() - startedAt) * 100) / 100, ...sent };
      report(outcome, request, served, delivery);
    };
    if (outcome.kind === 'ignore' || outcome.kind === 'observe') finish();
    else if (outcome.kind === 'record') afterCommit(outcome, finish);
    else {
      const send = prepare(listener, request, outcome, datagram);
      if (outcome.leases.length === 0) finish(send());
      else afterCommit(outcome, () => finish(send()));
    }
  }

  /** Encodes now, while the datagram's bytes are ours. */
  function prepare(
    listener: Listener,
    request: Packet,
    outcome: ReplyOutcome,
    datagram: Datagram,
  ): () => Partial<Delivery> {
    const source = { address: parseIpv4(datagram.from.address) ?? ANY_ADDRESS, port: datagram.from.port };
    const target: SendTarget = chooseDestination(request, outcome.packet, source, listener.plan.port);
    const { bytes, dropped } = encodeReply(request, outcome.packet);
    return () => {
      const sentBy = listener.socket?.send(bytes, target);
      if (sentBy === undefined) return { sentBy: 'nowhere, its socket is closed' };
      count(`sent_${outcome.message.toLowerCase().replace(' ', '_')}`);
      return { sentBy, dropped };
    };
  }

  /** An acknowledged lease survives a crash: it is stored before the ACK leaves. */
  function afterCommit({ leases, client, reason }: ReplyOutcome | RecordOutcome, then: () => void): void {
    const work = commit(leases).then(
      () => contain({ mac: client.mac }, then),
      (error: unknown) => {
        count('commit_failed');
        log.error({ mac: client.mac, reason, err: error }, 'the lease could not be stored, so nothing is acknowledged');
      },
    );
    const guarded: Promise<void> = work.finally(() => underWay.delete(guarded));
    underWay.add(guarded);
  }

  function report(outcome: Outcome, request: Packet, served: ServedNetwork, delivery: Delivery): void {
    const event = eventOf(outcome, request, served, delivery);
    const { at: _, summary, detail, ...fields } = event;
    const line = { ...fields, ...detail, reason: outcome.reason };
    if (outcome.kind === 'ignore') count('ignored');
    if (outcome.kind === 'ignore' && outcome.routine) log.debug(line, summary);
    else {
      log.info(line, summary);
      deps.record(event);
    }
  }

  function listenerStatus(): readonly ListenerStatus[] {
    return [...listeners.values()].map(({ plan, socket, problem }) => ({
      interface: plan.interface,
      address: plan.address,
      port: plan.port,
      ...(socket && { socket }),
      ...(problem !== undefined && { problem }),
    }));
  }

  return {
    setNetworks,
    listeners: listenerStatus,
    leases: desks.leases,
    explain(question, network) {
      const desk = desks.find(network);
      return desk && explain(question, { ...desk, now: deps.now() });
    },
    counters: () => Object.fromEntries(totals),
    async close() {
      // No new answer from here on; those under way still leave.
      closing = true;
      await lastChange;
      await Promise.all(underWay);
      await setNetworks([]);
    },
  };
}

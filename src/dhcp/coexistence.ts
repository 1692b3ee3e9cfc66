/**
 * Beside other DHCP servers: hears their answers, asks the wire before a new pool is opened, and says what is wrong. No
 * clock of its own: `tick` is called every quarter of a second.
 */
import { givesAddresses } from '../boot/network.ts';
import type { ServedNetwork } from '../boot/served.ts';
import { ANY_ADDRESS, type Ipv4 } from '../net/ipv4.ts';
import { type Mac, macToBytes } from '../net/mac.ts';
import { createForeignServers, type ForeignServer, type Judgement, judgeForeign } from './foreign.ts';
import { encodeOption } from './options.ts';
import { BOOTREQUEST, BROADCAST_FLAG, decode, encode, type Packet } from './packet.ts';
import { type GuardEvent, type GuardState, LISTEN_MS, startGuard, stepGuard } from './wire-guard.ts';

/** How often `tick` is to be called. */
export const TICK_MS = 250;

/** What is needed of a wire; see os/wire.ts. */
export interface ListeningWire {
  readonly mac: Mac;
  replies(): readonly { readonly bytes: Uint8Array; readonly from: Ipv4 }[];
}

export interface CoexistenceDeps {
  /** The wire of an interface; undefined where it cannot be heard below UDP. */
  readonly wireOf: (interfaceName: string) => ListeningWire | undefined;
  /** Broadcasts to port 67 of an interface; false when it has no socket now. */
  readonly broadcast: (interfaceName: string, bytes: Uint8Array) => boolean;
  /** Whether machines hold addresses of the network by our leases. */
  readonly isOwned: (network: string) => boolean;
  /** Told of each server once, and of each change of a network's state. */
  readonly tell: (news: WireNews) => void;
  /** Any 32-bit number. */
  readonly drawXid: () => number;
}

export type WireNews =
  | {
      readonly kind: 'server';
      readonly server: ForeignServer;
      readonly judgement: Judgement | undefined;
      readonly network: string;
    }
  /** A pool is new: it is silent until the wire was heard. */
  | { readonly kind: 'asking'; readonly network: string }
  | { readonly kind: 'held'; readonly network: string; readonly server: Ipv4 }
  | { readonly kind: 'clear'; readonly network: string };

/** A server as operators see it. */
export interface SeenServer extends ForeignServer {
  readonly network: string;
  readonly problem?: Judgement;
}

export interface Coexistence {
  setNetworks(served: readonly ServedNetwork[], now: number): void;
  /** Why a network answers nobody now. */
  holdOf(network: string): string | undefined;
  /** Whether a request is one of our own questions, looped back by the kernel. */
  isOwnQuestion(request: Packet): boolean;
  /** An answer of somebody that came to a port of ours. */
  hear(interfaceName: string, packet: Packet, from: Ipv4, now: number): void;
  tick(now: number): void;
  seen(now: number): readonly SeenServer[];
  /** Whether every network has its verdict. */
  isSettled(): boolean;
}

export function createCoexistence(deps: CoexistenceDeps): Coexistence {
  const foreign = createForeignServers();
  const guards = new Map<string, GuardState>();
  const heldBy = new Map<string, Ipv4>();
  const questions = new Set<number>();
  let networks: readonly ServedNetwork[] = [];

  const isOurs = (address: Ipv4) => networks.some((one) => one.address === address || one.server.address === address);

  function apply(served: ServedNetwork, event: GuardEvent, now: number): void {
    const { name, isolated } = served.network;
    const before = guards.get(name);
    if (!before) return;
    const { state, ask: mustAsk } = stepGuard(before, event, now, isolated);
    guards.set(name, state);
    if (mustAsk) ask(served);
    if (state.kind === before.kind) return;
    if (state.kind === 'held') deps.tell({ kind: 'held', network: name, server: heldBy.get(name) ?? ANY_ADDRESS });
    if (state.kind === 'clear') deps.tell({ kind: 'clear', network: name });
  }

  /** A DISCOVER nobody will follow up: a server keeps its offer for a moment, and nothing else comes of it. */
  function ask(served: ServedNetwork): void {
    const wire = deps.wireOf(served.interface);
    const xid = deps.drawXid() >>> 0;
    questions.add(xid);
    if (questions.size > MOST_QUESTIONS) questions.delete(questions.values().next().value ?? 0);
    deps.broadcast(served.interface, encode(question(served, wire?.mac, xid)).bytes);
  }

  function notice(interfaceName: string, packet: Packet, from: Ipv4, now: number): void {
    const noticed = foreign.notice({ interface: interfaceName, packet, from, now, isOurs });
    if (!noticed) return;
    for (const served of networks.filter((one) => one.interface === interfaceName)) {
      const { network } = served;
      if (noticed.isNew) {
        const judgement = judgeForeign(network, noticed.server);
        deps.tell({ kind: 'server', server: noticed.server, judgement, network: network.name });
      }
      if (!guards.has(network.name)) continue;
      heldBy.set(network.name, noticed.server.server);
      apply(served, { kind: 'foreign' }, now);
    }
  }

  return {
    setNetworks(served, now) {
      networks = served;
      const guarded = served.filter(isGuarded);
      for (const name of guards.keys()) if (!guarded.some(({ network }) => network.name === name)) guards.delete(name);
      for (const { network } of guarded) {
        // Machines live by our leases already: falling silent would take their addresses away. A laptop may have moved.
        if (guards.has(network.name) || (deps.isOwned(network.name) && !network.isolated)) continue;
        guards.set(network.name, startGuard(now));
        deps.tell({ kind: 'asking', network: network.name });
      }
    },
    holdOf(network) {
      const state = guards.get(network);
      if (!state || state.kind === 'clear') return undefined;
      const server = heldBy.get(network);
      if (state.kind === 'held' || state.heldBefore) {
        return `DHCP server ${server} answers on this wire, and the pool of "${network}" is new: nothing is given before it is gone, or "shareWire: true" says that both are meant`;
      }
      return `network "${network}" is new: for ${LISTEN_MS / 1000} s it is heard whether another DHCP server answers there; who asks meanwhile is answered then`;
    },
    isOwnQuestion: ({ op, xid }) => op === BOOTREQUEST && questions.has(xid),
    hear: notice,
    tick(now) {
      for (const name of new Set(networks.map((one) => one.interface))) {
        for (const { bytes, from } of deps.wireOf(name)?.replies() ?? []) {
          const packet = decodeOrNothing(bytes);
          if (packet) notice(name, packet, from, now);
        }
      }
      for (const served of networks) apply(served, { kind: 'time' }, now);
    },
    seen: (now) =>
      networks.flatMap((served) =>
        foreign.on(served.interface, now).map((server) => {
          const problem = judgeForeign(served.network, server);
          return { ...server, network: served.network.name, ...(problem && { problem }) };
        }),
      ),
    isSettled: () => [...guards.values()].every(({ kind }) => kind !== 'asking'),
  };
}

const MOST_QUESTIONS = 64;

/** Reservations are for machines the operator named: nobody is surprised by them. */
function isGuarded({ network }: ServedNetwork): boolean {
  return givesAddresses(network.mode) && network.pools.length > 0 && !network.shareWire;
}

/**
 * As a client that hears broadcasts; where the wire cannot be heard, as a relay that has the answer sent to our port 67.
 */
function question(served: ServedNetwork, mac: Mac | undefined, xid: number): Packet {
  const chaddr = new Uint8Array(16);
  chaddr.set(macToBytes(mac ?? NOBODY));
  return {
    op: BOOTREQUEST,
    htype: 1,
    hlen: 6,
    hops: mac ? 0 : 1,
    xid,
    secs: 0,
    flags: mac ? BROADCAST_FLAG : 0,
    ciaddr: ANY_ADDRESS,
    yiaddr: ANY_ADDRESS,
    siaddr: ANY_ADDRESS,
    giaddr: mac ? ANY_ADDRESS : served.address,
    chaddr,
    sname: '',
    file: '',
    options: new Map([
      [53, encodeOption(53, 'DISCOVER')],
      [55, encodeOption(55, [1, 3, 51, 54, 60, 66, 67])],
    ]),
  };
}

/** A locally administered address: no machine's. */
const NOBODY = '02:00:00:00:00:67' as Mac;

function decodeOrNothing(bytes: Uint8Array): Packet | undefined {
  try {
    return decode(bytes);
  } catch {
    // Not DHCP, whatever its port.
    return undefined;
  }
}

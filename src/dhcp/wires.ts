/** DOOR: the wires below UDP, and the clock of what is heard and asked there: other servers, owners of addresses. */
import type { ServedNetwork } from '../boot/served.ts';
import { messageOf } from '../errors.ts';
import type { Mac } from '../net/mac.ts';
import type { OpenWire, Wire } from '../os/wire.ts';
import { createAddressProbes, type ProbeQuestion, type ProbeResult } from './address-probes.ts';
import { type Coexistence, type CoexistenceDeps, createCoexistence, TICK_MS } from './coexistence.ts';
import { createRouterWaitPace } from './router-wait.ts';

export interface WiresDeps extends Omit<CoexistenceDeps, 'wireOf'> {
  readonly openWire: OpenWire;
  readonly now: () => number;
  /** Adds one to a total. */
  readonly count: (name: string) => void;
  /** A fault of one turn of the clock. */
  readonly onError: (error: unknown) => void;
}

export interface Wires extends Omit<Coexistence, 'tick' | 'setNetworks' | 'seen'> {
  setNetworks(served: readonly ServedNetwork[]): void;
  seen(): ReturnType<Coexistence['seen']>;
  canProbe(interfaceName: string): boolean;
  /** Asks for an owner of an address; undefined where the wire cannot be asked. */
  probe(question: ProbeQuestion): Promise<ProbeResult> | undefined;
  /** Ends a client's wait for an IPv6 router; what became of it, in words. */
  endRouterWait(interfaceName: string, mac: Mac): string;
  close(): void;
}

/** How often answers are looked for while an address is asked about. */
const PROBE_TICK_MS = 20;

export function createWires(deps: WiresDeps): Wires {
  const { now, count } = deps;
  const wires = new Map<string, Wire | undefined>();
  const probes = createAddressProbes();
  const coexistence = createCoexistence({ ...deps, wireOf: (name) => wires.get(name) });
  const pace = createRouterWaitPace();
  let probeTimer: NodeJS.Timeout | undefined;

  const guarded = (work: () => void) => () => {
    try {
      work();
    } catch (error) {
      deps.onError(error);
    }
  };
  const timer = setInterval(
    guarded(() => coexistence.tick(now())),
    TICK_MS,
  );

  const probeTurn = guarded(() => {
    for (const [name, wire] of wires) {
      for (const { address, mac } of wire?.owners() ?? []) probes.heard(name, address, mac);
    }
    probes.tick(now());
    if (probes.isWaiting()) return;
    clearInterval(probeTimer);
    probeTimer = undefined;
  });

  return {
    ...coexistence,
    setNetworks(served) {
      const wanted = new Set(served.filter(({ network }) => network.mode !== 'off').map((one) => one.interface));
      for (const [name, wire] of wires) {
        if (wanted.has(name)) continue;
        wire?.close();
        wires.delete(name);
      }
      for (const name of wanted) if (!wires.get(name)) wires.set(name, deps.openWire(name));
      coexistence.setNetworks(served, now());
    },
    seen: () => coexistence.seen(now()),
    canProbe: (name) => wires.get(name) !== undefined,
    probe(question) {
      const wire = wires.get(question.interface);
      if (!wire) return undefined;
      return new Promise((resolve) => {
        // Whatever spoke before the question says nothing about now.
        if (!probes.isWaiting()) wire.owners();
        const { isNew } = probes.ask(question, now(), resolve);
        if (!isNew) return;
        guarded(() => wire.askOwner(question.address))();
        probeTimer ??= setInterval(probeTurn, PROBE_TICK_MS);
      });
    },
    endRouterWait(name, mac) {
      const wire = wires.get(name);
      if (!wire) return 'not sent: packet sockets are not allowed here';
      if (!pace.take(mac, now())) return 'not sent again so soon';
      try {
        wire.denyRouter(mac);
        count('sent_router_advertisement');
        return 'sent';
      } catch (error) {
        return `not sent: ${messageOf(error)}`;
      }
    },
    close() {
      clearInterval(timer);
      clearInterval(probeTimer);
      // Nobody waits for an answer that cannot come any more.
      probes.tick(Number.POSITIVE_INFINITY);
      for (const wire of wires.values()) wire?.close();
      wires.clear();
    },
  };
}

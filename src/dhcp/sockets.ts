/** DOOR: the sockets that a set of networks needs: opened and closed as networks come and go, and tried again. */
import { AppError, messageOf } from '../errors.ts';
import type { Datagram, DatagramMaker, InterfaceSocket } from '../os/datagram.ts';
import type { ListenerPlan } from './listeners.ts';
import type { Packet } from './packet.ts';

/** As much of a pino logger as is used. */
export interface DhcpLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Listener {
  readonly plan: ListenerPlan;
  socket?: InterfaceSocket;
  problem?: string;
}

/** A request on its way through. */
export interface Arrival {
  readonly listener: Listener;
  readonly request: Packet;
  readonly datagram: Datagram;
  /** Milliseconds by a clock that only measures. */
  readonly startedAt: number;
}

export interface ListenerStatus {
  readonly interface: string;
  readonly address: string;
  readonly port: number;
  /** Absent when the socket could not be opened. */
  readonly socket?: Pick<InterfaceSocket, 'maker' | 'receiveBufferBytes' | 'unicast'>;
  /** Why it is not open. */
  readonly problem?: string;
}

export interface SocketsDeps {
  /** `maker.open` of os/datagram.ts. */
  readonly openSocket: DatagramMaker['open'];
  readonly receive: (listener: Listener, datagram: Datagram) => void;
  readonly onFailure: () => void;
  readonly log: DhcpLog;
}

export interface Sockets {
  /** Closes what is not among these. */
  closeOthers(plans: readonly ListenerPlan[]): Promise<void>;
  /** Opens what is not open. Never rejects. */
  open(plans: readonly ListenerPlan[]): Promise<void>;
  /** The open socket of an interface and port. */
  find(interfaceName: string, port: number): InterfaceSocket | undefined;
  status(): readonly ListenerStatus[];
}

export function createSockets({ openSocket, receive, onFailure, log }: SocketsDeps): Sockets {
  const listeners = new Map<string, Listener>();

  async function openListener(plan: ListenerPlan): Promise<void> {
    if (listeners.get(plan.key)?.socket) return;
    const listener: Listener = { plan };
    listeners.set(plan.key, listener);
    const { interface: name, address, port } = plan;
    try {
      listener.socket = await openSocket({
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
    onFailure();
    const { plan } = listener;
    log.warn({ interface: plan.interface, port: plan.port, err: error }, messageOf(error));
    if (!(error instanceof AppError) || error.code !== 'interface-missing') return;
    // The next `open` opens it again, when the interface is back.
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

  return {
    async closeOthers(plans) {
      const wanted = new Set(plans.map(({ key }) => key));
      for (const [key, listener] of listeners) {
        if (wanted.has(key)) continue;
        listeners.delete(key);
        await closeListener(listener);
      }
    },
    async open(plans) {
      await Promise.all(plans.map(openListener));
    },
    find: (name, port) =>
      [...listeners.values()].find(({ plan }) => plan.interface === name && plan.port === port)?.socket,
    status: () =>
      [...listeners.values()].map(({ plan, socket, problem }) => ({
        interface: plan.interface,
        address: plan.address,
        port: plan.port,
        ...(socket && { socket }),
        ...(problem !== undefined && { problem }),
      })),
  };
}

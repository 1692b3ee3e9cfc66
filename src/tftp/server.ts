/** DOOR: TFTP on port 69. One listener a local address; a connected socket a transfer, or everything from the one port. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { OpenContent, OpenPath } from '../boot/content.ts';
import type { RecordEvent } from '../boot/event.ts';
import type { OpenUpload } from '../boot/upload.ts';
import { AppError } from '../errors.ts';
import { WireError } from '../net/bytes.ts';
import type { Mac } from '../net/mac.ts';
import { createAbsences } from './absences.ts';
import type { LinkOptions, TransferLink } from './link.ts';
import {
  createListeners,
  type ListenerStatus,
  type OpenUdpListener,
  type ServedAddress,
  type UdpListener,
} from './listeners.ts';
import { answerable, decode, encodeError, type TftpPacket } from './packet.ts';
import { announcer, type TftpLog, type Unstamped } from './report.ts';
import { canAnswer, type Peer } from './request.ts';
import type { SessionCounters, TransferStatus } from './session.ts';
import { createSessions } from './sessions.ts';
import { DEFAULT_TFTP_SETTINGS, freePorts, type TftpSettings } from './settings.ts';
import type { TransferClock } from './transfer.ts';

export interface TftpServerDeps {
  readonly openListener: OpenUdpListener;
  readonly open: OpenPath;
  /** Without it every WRQ is refused. */
  readonly openUpload?: OpenUpload | undefined;
  /** From a lease or the neighbour table. */
  findMac(ip: string): Mac | undefined;
  readonly record: RecordEvent;
  readonly log: TftpLog;
  /** Wall time in milliseconds since 1970. */
  now(): number;
  /** What differs from `DEFAULT_TFTP_SETTINGS`. */
  readonly settings?: Partial<TftpSettings>;
  /** Default: `node:dgram` and Node's timers. */
  readonly transport?: TftpTransport;
}

/** The ways of datagrams and time, where they are not Node's own. */
export interface TftpTransport {
  readonly clock: TransferClock;
  /** As in `SessionsOptions`. */
  openLink(options: LinkOptions, settings: TftpSettings): TransferLink | Promise<TransferLink>;
  findNow?(path: string): OpenContent | undefined;
  /** Instead of `record` and a line in the log. */
  report(event: Unstamped): void;
}

/** Counted since the start. */
export interface TftpCounters extends SessionCounters {
  readonly malformed: number;
  /** Datagrams that belong to no transfer. */
  readonly stray: number;
}

export interface TftpServer {
  /** Opens and closes listeners until exactly these are served; those that failed before are tried again. */
  setAddresses(addresses: readonly ServedAddress[]): Promise<void>;
  listeners(): readonly ListenerStatus[];
  transfers(): readonly TransferStatus[];
  /** How many transfers run; cheaper than to list them. */
  running(): number;
  counters(): TftpCounters;
  /** Takes no new requests, waits up to `drainMs` (0) for running transfers, ends the rest with ERROR 0. */
  close(options?: { readonly drainMs?: number }): Promise<void>;
}

const DRAIN_LOOK_MS = 20;

export function createTftpServer(deps: TftpServerDeps): TftpServer {
  const settings: TftpSettings = { ...DEFAULT_TFTP_SETTINGS, ...deps.settings };
  const { log } = deps;
  const transport = deps.transport ?? { clock: systemClock, openLink: openOwnLink, report: announcer(deps) };
  const { clock, openLink } = transport;
  const counters = { malformed: 0, stray: 0 };
  const absences = createAbsences({ clock, log });
  const sessions = createSessions({
    settings,
    open: deps.open,
    openUpload: deps.openUpload,
    findMac: (ip) => deps.findMac(ip),
    ...(transport.findNow && { findNow: transport.findNow }),
    report: (event) => {
      transport.report(event);
      absences.observe(event);
    },
    log,
    clock,
    random: Math.random,
    openLink: (options) => openLink(options, settings),
  });
  const listeners = createListeners({ openListener: deps.openListener, port: settings.port, log, onDatagram });

  function onDatagram(bytes: Uint8Array, peer: Peer, listener: UdpListener, mtu: number | undefined): void {
    if (!canAnswer(peer) || listeners.has(peer)) {
      counters.stray++;
      return;
    }
    const packet = decodeOrAnswer(bytes, peer, listener);
    if (!packet) return;
    const arrival = { listener, peer, mtu };
    if (packet.kind === 'rrq' || packet.kind === 'wrq') sessions.request(packet, arrival);
    else if (!settings.singlePort || !sessions.take(bytes, arrival)) counters.stray++;
  }

  function decodeOrAnswer(bytes: Uint8Array, peer: Peer, listener: UdpListener): TftpPacket | undefined {
    try {
      return decode(bytes);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      counters.malformed++;
      log.debug({ ip: peer.address, bytes: bytes.length }, `TFTP: malformed datagram: ${error.message}`);
      if (answerable(error) && sessions.mayRefuse(peer))
        listener.send(encodeError(4, 'the request is malformed'), peer);
      return undefined;
    }
  }

  return {
    setAddresses: (addresses) => {
      sessions.serveNetworks(addresses.flatMap(({ networks }) => networks ?? []));
      return listeners.setAddresses(addresses);
    },
    listeners: () => listeners.status(),
    transfers: () => sessions.status(),
    running: () => sessions.running(),
    counters: () => ({ ...sessions.counters(), ...counters }),
    async close({ drainMs = 0 } = {}) {
      sessions.refuse();
      const untilMs = clock.nowMs() + drainMs;
      while (sessions.running() > 0 && clock.nowMs() < untilMs) {
        await new Promise<void>((resolve) => void clock.after(DRAIN_LOOK_MS, resolve));
      }
      sessions.stop('the server is stopping');
      absences.close();
      await listeners.close();
    },
  };
}

/** Timeouts are looked at after pending datagrams: a busy event loop must not take a waiting ACK for a lost one. */
const systemClock: TransferClock = {
  nowMs: () => performance.now(),
  after(delayMs, callback) {
    let immediate: NodeJS.Immediate | undefined;
    const timeout = setTimeout(() => {
      immediate = setImmediate(callback);
    }, delayMs);
    return () => {
      clearTimeout(timeout);
      if (immediate) clearImmediate(immediate);
    };
  },
};

function openOwnLink(options: LinkOptions, settings: TftpSettings): Promise<TransferLink> {
  return settings.singlePort ? Promise.resolve(listenerLink(options)) : socketLink(options, settings);
}

/** Single-port mode: everything leaves from the listening port. */
function listenerLink({ listener, peer }: LinkOptions): TransferLink {
  return {
    send: (pieces) => listener.send(Buffer.concat(pieces), peer),
    close: () => {},
  };
}

/** A socket of the transfer's own, on the address that was asked and connected, so the kernel drops foreign datagrams. */
async function socketLink(options: LinkOptions, settings: TftpSettings): Promise<TransferLink> {
  const { listener, peer } = options;
  const ports = settings.portRange ? freePorts(settings.portRange, options.takenPorts, Math.random()) : [0];
  const socket = await bindFirst(listener.address, ports);
  // A port unreachable comes back with whichever call is next, a receive or a send.
  const onError = (error: NodeJS.ErrnoException | null) => {
    if (error?.code === 'ECONNREFUSED') options.onUnreachable();
    else if (error) options.onSendError();
  };
  socket.on('message', options.onDatagram);
  socket.on('error', onError);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.connect(peer.port, peer.address, (error?: unknown) => (error ? reject(error) : resolve()));
    });
  } catch (error) {
    socket.close();
    throw error;
  }
  return {
    localPort: socket.address().port,
    send: (pieces) => socket.send(pieces, onError),
    close: () => socket.close(),
  };
}

/** Binds the first port that can be had. */
async function bindFirst(address: string, ports: Iterable<number>): Promise<Socket> {
  for (const port of ports) {
    const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: literalOnly });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.bind({ address, port, exclusive: true }, () => {
          socket.off('error', reject);
          resolve();
        });
      });
      return socket;
    } catch (error) {
      socket.close();
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
  throw new AppError('busy', 'every port of the TFTP port range is in use: widen it');
}

/** Every address here is a literal: there is nothing to look up and nothing to wait for. */
function literalOnly(
  address: string,
  _options: unknown,
  callback: (error: Error | null, address: string, family: number) => void,
): void {
  callback(null, address, isIPv6(address) ? 6 : 4);
}

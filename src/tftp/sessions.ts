/** Requests in flight: admitted, told apart from repetitions, opened, transferred, reported. */
import type { OpenContent, OpenPath, Requester } from '../boot/content.ts';
import { redactToken } from '../boot/token-path.ts';
import type { OpenedUpload, OpenUpload } from '../boot/upload.ts';
import { AppError, ERRORS, messageOf, type TftpErrorCode } from '../errors.ts';
import { type IpNetwork, parseIpNetwork } from '../net/ip-network.ts';
import type { Mac } from '../net/mac.ts';
import { createAdmission } from './admission.ts';
import { createAdvisor } from './advice.ts';
import { createKnownTrips } from './known-trips.ts';
import type { LinkOptions, TransferLink } from './link.ts';
import { encodeError, type RequestPacket } from './packet.ts';
import { mayAsk, policyFor } from './policy.ts';
import { eventOfDenial, eventOfTransfer, eventOfUpload, type TftpLog, type Unstamped } from './report.ts';
import { openForWriting, openTolerantly, plainAddress, signatureOf } from './request.ts';
import { type Arrival, factsOf, keyOf, type Session, type Sessions, statusOf } from './session.ts';
import type { TftpSettings } from './settings.ts';
import { createTransfer, type TransferClock, type TransferCommon } from './transfer.ts';
import { createTransferIn } from './transfer-in.ts';

export interface SessionsOptions {
  readonly settings: TftpSettings;
  readonly open: OpenPath;
  /** Without it every WRQ is refused. */
  readonly openUpload?: OpenUpload | undefined;
  findMac(ip: string): Mac | undefined;
  /** What is at hand without waiting; asked first. */
  findNow?(path: string): OpenContent | undefined;
  /** Told of each request's end, and of warnings. */
  report(event: Unstamped): void;
  readonly log: TftpLog;
  readonly clock: TransferClock;
  /** 0–1. */
  random(): number;
  /** Throws `AppError` `busy` when no port is left. */
  openLink(options: LinkOptions): TransferLink | Promise<TransferLink>;
}

/** A repeated request is a late copy as long as its transfer moved within this time. */
const STILL_MOVING_MS = 1000;
const REPLACED = 'a new request came from the same port';

export function createSessions(options: SessionsOptions): Sessions {
  const { settings, clock, log } = options;
  const admission = createAdmission(settings.admission);
  const advisor = createAdvisor();
  const trips = createKnownTrips();
  let servedNetworks: readonly IpNetwork[] = [];
  const sessions = new Map<string, Session>();
  const counters = { requests: 0, overLimit: 0, notAllowed: 0, busy: 0, ignored: 0, sendErrors: 0, bugs: 0 };
  /** How many of the sessions are. */
  let uploads = 0;
  let refusing = false;

  function request(packet: RequestPacket, arrival: Arrival): void {
    counters.requests++;
    const startedMs = clock.nowMs();
    const key = keyOf(arrival);
    const signature = signatureOf(packet);
    const earlier = sessions.get(key);
    if (earlier && isRepetition(earlier, signature, startedMs)) {
      earlier.transfer?.repeat();
      return;
    }
    const ip = plainAddress(arrival.peer.address);
    if (!mayAsk(ip, plainAddress(arrival.listener.address), settings.allow, servedNetworks)) {
      // Silence here too: an answer would tell a stranger that there is a server.
      counters.notAllowed++;
      log.debug({ ip, path: redactToken(packet.path) }, 'TFTP: request from a network that tftp.allow does not list');
      return;
    }
    const admitted = refusing ? 'stopping' : admission.admit(ip, startedMs);
    if (admitted !== 'admitted') {
      // Silence, not ERROR: the client tries again instead of giving up, and a spoofed source gets nothing.
      counters.overLimit++;
      log.debug({ ip, path: redactToken(packet.path), limit: admitted }, 'TFTP: request dropped');
      return;
    }
    if (earlier) cancel(earlier, REPLACED);
    const mac = options.findMac(ip);
    const requester: Requester = {
      ip,
      transport: 'tftp',
      localAddress: arrival.listener.address,
      ...(mac && { mac }),
    };
    const session: Session = { key, signature, startedMs, arrival, request: packet, requester, released: false };
    sessions.set(key, session);
    if (packet.kind === 'wrq') uploads++;
    const content = packet.kind === 'rrq' ? options.findNow?.(packet.path) : undefined;
    if (content) serveNow(session, content);
    else serve(session).catch((error: unknown) => fail(session, error));
  }

  /** As `serve`, of what is in memory; where the way to the client is open at once, its first packet leaves in this turn. */
  function serveNow(session: Session, content: OpenContent): void {
    guard(session, () => {
      const link = openLink(session);
      if (link instanceof Promise) {
        begin(session, content, session.request.path, link).catch((error: unknown) => fail(session, error));
        return;
      }
      session.link = link;
      transmit(session, content, session.request.path);
    });
  }

  /** The same request once more: from a ROM that sends two, or because our first answer was lost. */
  function isRepetition(earlier: Session, signature: string, nowMs: number): boolean {
    if (earlier.signature !== signature) return false;
    const progress = earlier.transfer?.progress();
    // A file that is stored is asked for anew by a client that kept its port, as tftp-hpa does.
    if (progress?.lingering) return false;
    return !progress?.answered || nowMs - progress.progressAtMs < STILL_MOVING_MS;
  }

  function cancel(session: Session, reason: string): void {
    session.cancelled = reason;
    session.transfer?.clientGone(reason);
  }

  async function serve(session: Session): Promise<void> {
    if (session.request.kind === 'wrq') {
      await receive(session);
      return;
    }
    const { outcome, path } = await openTolerantly(options.open, session.request.path, session.requester);
    switch (outcome.kind) {
      case 'absent':
        deny(session, 'tftp.absent', 1, 'file not found', outcome.reason);
        return;
      case 'refused':
        deny(session, 'tftp.refused', 2, outcome.text ?? 'access refused', outcome.reason);
        return;
      case 'content':
        try {
          await begin(session, outcome, path);
        } catch (error) {
          // Once there is a transfer, its end closes the file.
          if (!session.transfer) await outcome.close();
          throw error;
        }
        return;
      default:
        outcome satisfies never;
    }
  }

  async function receive(session: Session): Promise<void> {
    const outcome = await openForWriting(options.openUpload, session.request, session.requester);
    switch (outcome.kind) {
      case 'refused':
        deny(session, 'tftp.refused', 2, 'uploads are not accepted', outcome.reason);
        return;
      case 'exists':
        deny(session, 'tftp.refused', 6, 'the file exists already', outcome.reason);
        return;
      case 'upload':
        try {
          await beginUpload(session, outcome);
        } catch (error) {
          if (!session.transfer) await outcome.abort();
          throw error;
        }
        return;
      default:
        outcome satisfies never;
    }
  }

  async function begin(
    session: Session,
    content: OpenContent,
    path: string,
    link?: Promise<TransferLink>,
  ): Promise<void> {
    if (await connect(session, () => content.close(), link)) transmit(session, content, path);
  }

  function transmit(session: Session, content: OpenContent, path: string): void {
    const transfer = createTransfer({
      ...commonOf(session),
      content,
      trip: trips.recall(session.requester.ip, session.startedMs),
      onEnd: (outcome, cause) => {
        release(session);
        if (transfer.trip) trips.learn(session.requester.ip, transfer.trip(), clock.nowMs());
        closeContent(content, redactToken(path));
        if (cause !== undefined) note(session, cause);
        const facts = { ...factsOf(session, clock.nowMs()), path: redactToken(path) };
        options.report(eventOfTransfer(outcome, facts, content, transfer));
        for (const warning of advisor.observe(outcome, facts, content.size, transfer)) options.report(warning);
      },
    });
    session.transfer = transfer;
    transfer.begin();
  }

  async function beginUpload(session: Session, upload: OpenedUpload): Promise<void> {
    if (!(await connect(session, () => upload.abort()))) return;
    const transfer = createTransferIn({
      ...commonOf(session),
      upload,
      onEnd: ({ outcome, stored, cause }) => {
        if (cause !== undefined) note(session, cause);
        options.report(eventOfUpload(outcome, factsOf(session, clock.nowMs()), upload, transfer, stored));
      },
      onClose: () => release(session),
    });
    session.transfer = transfer;
    transfer.begin();
  }

  /** Opens the way to the client; false when the request was cancelled meanwhile and is reported. */
  async function connect(
    session: Session,
    discard: () => Promise<void>,
    link?: Promise<TransferLink>,
  ): Promise<boolean> {
    if (!session.cancelled) session.link = await (link ?? openLink(session));
    if (!session.cancelled) return true;
    await discard();
    release(session);
    options.report(eventOfDenial('tftp.aborted', session.cancelled, factsOf(session, clock.nowMs())));
    return false;
  }

  function commonOf(session: Session): TransferCommon {
    const { listener, mtu } = session.arrival;
    const policy = policyFor(session.requester, settings, settings.clients);
    return {
      request: session.request,
      caps: policy.caps,
      mtu: policy.fitMtu ? mtu : undefined,
      ipv6: listener.address.includes(':'),
      ceilingMs: policy.retransmitMaxMs,
      giveUpMs: settings.giveUpMs,
      jitter: options.random(),
      clock: {
        nowMs: () => clock.nowMs(),
        after: (delayMs, callback) => clock.after(delayMs, () => guard(session, callback)),
      },
      send: (pieces) => send(session, pieces),
      sendData: (header, payload) => sendData(session, header, payload),
    };
  }

  function openLink(session: Session): TransferLink | Promise<TransferLink> {
    const { listener, peer } = session.arrival;
    const takenPorts = new Set<number>();
    if (settings.portRange) {
      for (const { link, arrival } of sessions.values()) {
        if (link?.localPort !== undefined && arrival.listener === listener) takenPorts.add(link.localPort);
      }
    }
    return options.openLink({
      listener,
      peer,
      takenPorts,
      onDatagram: (bytes) => {
        try {
          if (session.transfer?.take(bytes) === false) counters.ignored++;
        } catch (error) {
          fail(session, error);
        }
      },
      onUnreachable: () => guard(session, () => session.transfer?.clientGone('the port was closed')),
      onSendError: () => {
        counters.sendErrors++;
      },
    });
  }

  function send(session: Session, pieces: readonly Uint8Array[]): void {
    try {
      session.link?.send(pieces);
    } catch {
      counters.sendErrors++;
    }
  }

  function sendData(session: Session, header: number, payload: Uint8Array): void {
    try {
      const { link } = session;
      if (link?.sendData) link.sendData(header, payload);
      else link?.send([Uint8Array.of(0, header >>> 16, header >>> 8, header), payload]);
    } catch {
      counters.sendErrors++;
    }
  }

  function closeContent(content: OpenContent, path: string): void {
    content.close().catch((error: unknown) => log.warn({ err: error, path }, `TFTP: ${path} could not be closed`));
  }

  /** Ends a request that has no transfer, with an ERROR from the listening port. */
  function deny(
    session: Session,
    kind: 'tftp.absent' | 'tftp.refused' | 'tftp.failed',
    code: TftpErrorCode,
    text: string,
    reason: string,
  ): void {
    release(session);
    const { listener, peer } = session.arrival;
    // A replaced request's ERROR would end the new one.
    if (!session.cancelled) listener.send(encodeError(code, text), peer);
    options.report(eventOfDenial(kind, reason, factsOf(session, clock.nowMs())));
  }

  function fail(session: Session, error: unknown): void {
    note(session, error);
    const entry = ERRORS[error instanceof AppError ? error.code : 'internal'];
    if (session.transfer) session.transfer.stop(entry.title);
    else if (!session.released) {
      deny(session, 'tftp.failed', entry.tftp, entry.title, error instanceof AppError ? error.message : entry.title);
    }
  }

  /** The event tells the operator what happened; the cause and a bug's stack go to the log. */
  function note(session: Session, error: unknown): void {
    const fields = { ip: session.requester.ip, path: redactToken(session.request.path), err: error };
    if (error instanceof AppError) {
      if (error.code === 'busy') counters.busy++;
      log.debug(fields, `TFTP: ${error.message}`);
      return;
    }
    counters.bugs++;
    log.error(fields, `TFTP: ${messageOf(error)}`);
  }

  /** A bug ends its transfer, not the server. */
  function guard(session: Session, act: () => void): void {
    try {
      act();
    } catch (error) {
      fail(session, error);
    }
  }

  function release(session: Session): void {
    if (session.released) return;
    session.released = true;
    if (session.request.kind === 'wrq') uploads--;
    if (sessions.get(session.key) === session) sessions.delete(session.key);
    admission.release(session.requester.ip);
    session.link?.close();
  }

  return {
    request,
    take: (bytes, arrival) => {
      const session = sessions.get(keyOf(arrival));
      if (!session?.transfer) return false;
      let taken = true;
      guard(session, () => {
        taken = session.transfer?.take(bytes) ?? false;
      });
      return taken;
    },
    status: () =>
      [...sessions.values()]
        .filter(({ transfer }) => !transfer?.progress().lingering)
        .map((session) => statusOf(session, clock.nowMs())),
    mayRefuse: (peer) => {
      const source = plainAddress(peer.address);
      if (admission.admit(source, clock.nowMs()) !== 'admitted') {
        counters.overLimit++;
        return false;
      }
      admission.release(source);
      return true;
    },
    running() {
      // Only uploads linger; to look at each session would cost a storm more than it tells.
      if (uploads === 0) return sessions.size;
      let count = 0;
      for (const { transfer } of sessions.values()) if (!transfer?.progress().lingering) count++;
      return count;
    },
    counters: () => ({ ...counters }),
    serveNetworks: (networks) => {
      servedNetworks = networks.flatMap((network) => parseIpNetwork(network) ?? []);
    },
    refuse: () => {
      refusing = true;
    },
    stop: (text) => {
      for (const session of [...sessions.values()]) {
        session.cancelled = text;
        session.transfer?.stop(text);
      }
    },
  };
}

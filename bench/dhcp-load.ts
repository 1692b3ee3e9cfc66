/**
 * DHCP clients behind a relay agent, in a process of their own: started by the bench inside a namespace of its LAN with one
 * JSON argument, prints one JSON line. As relay it needs no raw frames: every answer comes to its own address (RFC 2131 §4.1).
 */
import { createSocket } from 'node:dgram';

export interface DhcpLoad {
  readonly server: string;
  /** Ours: giaddr, where answers come to. */
  readonly relay: string;
  /** How many machines, each new to the server, and how many of them at once. */
  readonly clients: number;
  readonly atOnce: number;
  /** Instead: so many begin each second, however many are waiting. */
  readonly perSecond?: number;
  /** Number of the first: machines of different runs are different. */
  readonly first: number;
  readonly retryMs: number;
  readonly tries: number;
  /** No new machine begins after so long. */
  readonly timeoutMs: number;
}

export interface DhcpLoadResult {
  readonly ms: number;
  readonly done: number;
  readonly failed: number;
  readonly repeats: number;
  /** Of DISCOVER to ACK. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Addresses given to more than one machine. */
  readonly twice: number;
}

const OFFER = 2;
const ACK = 5;
const NAK = 6;
const COOKIE = [0x63, 0x82, 0x53, 0x63];
/** Subnet mask, router, DNS, lease time, renewal, rebinding: what any client asks for. */
const REQUESTED = [1, 3, 6, 51, 58, 59];

interface Exchange {
  readonly startedAt: number;
  /** The packet that is waiting for an answer. */
  sent: Uint8Array;
  sentAt: number;
  tries: number;
}

async function runLoad(load: DhcpLoad): Promise<DhcpLoadResult> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, lookup: literalOnly });
  await new Promise<void>((resolve) => socket.bind(67, load.relay, resolve));
  const relay = load.relay.split('.').map(Number);
  const running = new Map<number, Exchange>();
  const times: number[] = [];
  const given = new Map<string, number>();
  let next = load.first;
  let failed = 0;
  let repeats = 0;
  const startedAt = performance.now();
  let endedAt = startedAt;
  const ended = Promise.withResolvers<void>();

  const send = (xid: number, exchange: Exchange, bytes: Uint8Array) => {
    Object.assign(exchange, { sent: bytes, sentAt: performance.now() });
    running.set(xid, exchange);
    socket.send(bytes, 67, load.server);
  };
  /** One has ended: the next begins, unless the clock says when. */
  const follow = () => {
    if (load.perSecond === undefined) begin();
    else if (running.size === 0 && next === load.first + load.clients) ended.resolve();
  };
  const begin = () => {
    if (next < load.first + load.clients && performance.now() - startedAt < load.timeoutMs) {
      const xid = next++;
      const discover = encodeRequest(xid, relay, [53, 1, 1]);
      send(xid, { startedAt: performance.now(), sent: discover, sentAt: 0, tries: 1 }, discover);
    } else if (running.size === 0) ended.resolve();
  };
  const timer = setInterval(() => {
    const late = performance.now() - load.retryMs;
    for (const [xid, exchange] of running) {
      if (exchange.sentAt > late) continue;
      if (exchange.tries++ < load.tries) {
        repeats++;
        send(xid, exchange, exchange.sent);
      } else {
        failed++;
        running.delete(xid);
        follow();
      }
    }
  }, load.retryMs / 4);

  socket.on('message', (reply) => {
    const xid = reply.readUInt32BE(4);
    const exchange = running.get(xid);
    const kind = readOption(reply, 53)?.[0];
    if (!exchange || reply.length < 240) return;
    const address = reply.subarray(16, 20);
    // As a client does: begin again. The server may have been started anew since its offer.
    if (kind === NAK && exchange.sent[242] === 3) send(xid, exchange, encodeRequest(xid, relay, [53, 1, 1]));
    else if (kind === OFFER && exchange.sent[242] === 1) {
      const server = readOption(reply, 54) ?? Buffer.alloc(4);
      send(xid, exchange, encodeRequest(xid, relay, [53, 1, 3, 50, 4, ...address, 54, 4, ...server]));
    } else if (kind === ACK && exchange.sent[242] === 3) {
      endedAt = performance.now();
      times.push(endedAt - exchange.startedAt);
      const text = address.join('.');
      given.set(text, (given.get(text) ?? 0) + 1);
      running.delete(xid);
      follow();
    }
  });
  for (let count = 0; count < load.atOnce; count++) begin();
  const { perSecond = 0 } = load;
  const pace = setInterval(() => {
    const due = Math.min(load.clients, ((performance.now() - startedAt) / 1000) * perSecond);
    while (next - load.first < due) begin();
    if (next === load.first + load.clients) clearInterval(pace);
  }, 1);
  await ended.promise;
  clearInterval(pace);
  clearInterval(timer);
  socket.close();
  times.sort((a, b) => a - b);
  return {
    ms: endedAt - startedAt,
    done: times.length,
    failed,
    repeats,
    p50Ms: times[times.length >> 1] ?? Number.NaN,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    twice: [...given.values()].filter((count) => count > 1).length,
  };
}

/** The BOOTP header (RFC 2131 §2) of a relayed request; the message type is the first option, its value at byte 242. */
function encodeRequest(xid: number, relay: readonly number[], options: readonly number[]): Buffer {
  const packet = Buffer.alloc(300);
  packet.set([1, 1, 6, 1]);
  packet.writeUInt32BE(xid, 4);
  packet.set(relay, 24);
  // 02: locally administered.
  packet.set([2, 0], 28);
  packet.writeUInt32BE(xid, 30);
  packet.set([...COOKIE, ...options, 55, REQUESTED.length, ...REQUESTED, 255], 236);
  return packet;
}

function readOption(packet: Buffer, code: number): Buffer | undefined {
  for (let at = 240; at + 1 < packet.length && packet[at] !== 255; ) {
    const length = packet[at + 1] ?? 0;
    if (packet[at] === 0) at++;
    else if (packet[at] === code) return packet.subarray(at + 2, at + 2 + length);
    else at += 2 + length;
  }
  return undefined;
}

/** Every address is a literal. */
function literalOnly(
  address: string,
  _options: unknown,
  callback: (error: Error | null, address: string, family: number) => void,
): void {
  callback(null, address, 4);
}

if (import.meta.main) console.log(JSON.stringify(await runLoad(JSON.parse(process.argv[2] ?? '') as DhcpLoad)));

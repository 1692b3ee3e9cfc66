/**
 * A process to start inside a namespace with test/support/netns.ts: opens sockets of `src/os` as its first argument (JSON)
 * says, obeys JSON lines on standard input, and writes what happens as JSON lines on standard output.
 */

import { createInterface } from 'node:readline';
import { AppError } from '../../src/errors.ts';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { InterfaceSocket, MakerKind, SendTarget } from '../../src/os/datagram.ts';
import { createDatagramMaker } from '../../src/os/datagram-maker.ts';
import { loadLibc } from '../../src/os/libc.ts';
import { openUdpListener } from '../../src/os/udp-listener.ts';
import { watchInterfaces } from '../../src/os/watch-interfaces.ts';

export interface AgentSocket {
  readonly interface: string;
  readonly address: string;
  readonly prefix?: number;
  readonly port: number;
  readonly share?: boolean;
}

export interface AgentSetup {
  readonly maker?: MakerKind;
  readonly sockets?: readonly AgentSocket[];
  readonly listeners?: readonly { readonly address: string; readonly port: number }[];
  /** Milliseconds between looks at the interfaces; not watched without it. */
  readonly watchEveryMs?: number;
}

export type AgentCommand =
  | { readonly do: 'open'; readonly socket: AgentSocket }
  | { readonly do: 'close'; readonly interface: string; readonly port: number }
  | {
      readonly do: 'send';
      readonly interface: string;
      readonly port: number;
      readonly text: string;
      readonly target: SendTarget;
    };

export type AgentReport =
  | { readonly kind: 'maker'; readonly maker: MakerKind; readonly reason: string }
  | {
      readonly kind: 'opened';
      readonly interface: string;
      readonly port: number;
      readonly unicast: string;
      readonly receiveBufferBytes: number;
    }
  | {
      readonly kind: 'datagram';
      readonly on: string;
      readonly text: string;
      readonly from: string;
      readonly ingress: string;
    }
  | { readonly kind: 'sent'; readonly by: string }
  | { readonly kind: 'closed' }
  | { readonly kind: 'change'; readonly change: string; readonly interface: string; readonly parts: readonly string[] }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }
  | { readonly kind: 'ready' };

const setup = JSON.parse(process.argv[2] ?? '{}') as AgentSetup;
const say = (report: AgentReport) => process.stdout.write(`${JSON.stringify(report)}\n`);
const fail = (error: unknown) =>
  say({
    kind: 'error',
    code: error instanceof AppError ? error.code : String((error as NodeJS.ErrnoException).code),
    message: error instanceof Error ? error.message : String(error),
  });

// As systemd does in the process it starts: the pid cannot be known before.
if (process.env.LISTEN_PID === 'self') process.env.LISTEN_PID = String(process.pid);
const maker = createDatagramMaker(setup.maker ? { prefer: setup.maker } : {});
say({ kind: 'maker', maker: maker.kind, reason: maker.reason });
const sockets = new Map<string, InterfaceSocket>();
for (const socket of setup.sockets ?? []) await open(socket).catch(fail);
for (const { address, port } of setup.listeners ?? []) await openListener(address, port).catch(fail);
if (setup.watchEveryMs) {
  watchInterfaces({
    everyMs: setup.watchEveryMs,
    onChange: (changes) => {
      for (const change of changes) {
        const parts = change.kind === 'changed' ? change.parts : [];
        say({ kind: 'change', change: change.kind, interface: change.interface.name, parts });
      }
    },
  });
}
say({ kind: 'ready' });

createInterface({ input: process.stdin })
  .on('line', (line) => obey(JSON.parse(line) as AgentCommand).catch(fail))
  .on('close', () => process.exit(0));

async function obey(command: AgentCommand): Promise<void> {
  if (command.do === 'open') return open(command.socket);
  const socket = sockets.get(`${command.interface}:${command.port}`);
  if (!socket) throw new Error(`${command.interface}:${command.port} is not open`);
  if (command.do === 'send') {
    say({ kind: 'sent', by: socket.send(Buffer.from(command.text), command.target) });
    return;
  }
  await socket.close();
  say({ kind: 'closed' });
}

async function open(wanted: AgentSocket): Promise<void> {
  const name = `${wanted.interface}:${wanted.port}`;
  const socket = await maker.open({
    interface: wanted.interface,
    address: wanted.address as Ipv4,
    prefix: wanted.prefix ?? 24,
    port: wanted.port,
    share: wanted.share ?? false,
    onDatagram: ({ bytes, from, ingress }) =>
      say({ kind: 'datagram', on: name, text: bytes.toString(), from: `${from.address}:${from.port}`, ingress }),
    onError: fail,
  });
  sockets.set(name, socket);
  const { unicast, receiveBufferBytes } = socket;
  say({ kind: 'opened', interface: wanted.interface, port: wanted.port, unicast, receiveBufferBytes });
}

async function openListener(address: string, port: number): Promise<void> {
  const load = loadLibc();
  const listener = await openUdpListener({
    address,
    port,
    libc: load.kind === 'loaded' ? load.libc : undefined,
    onDatagram: ({ bytes, from }) => {
      say({
        kind: 'datagram',
        on: address,
        text: bytes.toString(),
        from: `${from.address}:${from.port}`,
        ingress: 'known',
      });
      listener.send(Buffer.from('answer'), from);
    },
    onError: fail,
  });
  const { receiveBufferBytes } = listener;
  say({ kind: 'opened', interface: address, port: listener.port, unicast: 'none', receiveBufferBytes });
}

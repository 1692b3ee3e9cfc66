/**
 * Stands between a machine's card and the bridge and takes options 77 and 175 out of its DHCP packets, so that QEMU's
 * iPXE ROM looks like the plain PXE ROM of a real card. It speaks QEMU's stream framing on two unix sockets, in this
 * process: no packet socket, no native code.
 */
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { MachineRelay } from '../../src/lab/qemu.ts';
import { removeDhcpOptions } from './dhcp-frame.ts';
import { udpPayload } from './frame.ts';

export interface WireFilter extends MachineRelay {
  /** DHCP packets that were changed. */
  changed(): number;
  close(): Promise<void>;
}

const IPXE_OPTIONS: ReadonlySet<number> = new Set([77, 175]);
const PORT = { dhcpServer: 67, bootServer: 4011, tftp: 69 } as const;
const MAX_FRAME_BYTES = 70_000;

/**
 * Filters until the machine asks for its first file by TFTP: from then on a loader speaks, and an iPXE among them has
 * to be recognised as one. Sockets are made in `directory`.
 */
export async function createWireFilter(name: string, directory: string): Promise<WireFilter> {
  let changed = 0;
  let filtering = true;
  const machine = await listen(join(directory, `${name}-card.sock`), (frame) => {
    const to = udpPayload(frame)?.to;
    if (to === PORT.tftp) filtering = false;
    const asks = to === PORT.dhcpServer || to === PORT.bootServer;
    const stripped = filtering && asks ? removeDhcpOptions(frame, IPXE_OPTIONS) : undefined;
    if (stripped) changed++;
    wire.send(stripped ?? frame);
  });
  const wire = await listen(join(directory, `${name}-wire.sock`), (frame) => machine.send(frame));
  return {
    machineSocket: machine.path,
    wireSocket: wire.path,
    changed: () => changed,
    async close() {
      await machine.close();
      await wire.close();
    },
  };
}

interface Side {
  readonly path: string;
  send(frame: Uint8Array): void;
  close(): Promise<void>;
}

async function listen(path: string, received: (frame: Buffer) => void): Promise<Side> {
  let peer: Socket | undefined;
  const server = createServer((socket) => {
    peer?.destroy();
    peer = socket;
    // QEMU drops the connection when it ends; there is nobody left to tell.
    socket.on('error', () => socket.destroy());
    socket.on('data', createDeframer(received));
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    path,
    send(frame) {
      if (!peer || peer.destroyed) return;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(frame.length);
      peer.write(Buffer.concat([length, frame]));
    },
    close: () => closeServer(server, () => peer?.destroy()),
  };
}

/** Cuts a byte stream into frames: each is preceded by its length in 32 bits, big-endian. */
export function createDeframer(received: (frame: Buffer) => void): (chunk: Buffer) => void {
  let pending = Buffer.alloc(0);
  return (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 4) {
      const length = pending.readUInt32BE(0);
      if (length > MAX_FRAME_BYTES) throw new Error(`a frame of ${length} bytes: the stream is not QEMU's`);
      if (pending.length < 4 + length) return;
      received(pending.subarray(4, 4 + length));
      pending = pending.subarray(4 + length);
    }
  };
}

async function closeServer(server: Server, disconnect: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  disconnect();
  await closed;
}

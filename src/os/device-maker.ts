/**
 * Sockets bound to a device (SO_BINDTODEVICE). Two for each interface and port: one on 0.0.0.0 hears broadcasts, one on the
 * interface's address gives answers that source address, whatever other addresses the interface has.
 */

import type { Socket } from 'node:dgram';
import { ANY_ADDRESS, type Ipv4 } from '../net/ipv4.ts';
import { allocateBatchMemory, type BatchMemory, createBatchSender } from './batch-sender.ts';
import type { DatagramMaker, InterfaceSocket, OpenOptions } from './datagram.ts';
import { createDatagramRing } from './datagram-ring.ts';
import type { Endpoint } from './endpoint.ts';
import { createInterfaceSocket, listen, type Native, openHardwareSender, sendTo } from './interface-socket.ts';
import { deviceName, intValue, type Libc, SO_BINDTODEVICE, SO_BROADCAST, SO_REUSEADDR, socketAddress } from './libc.ts';
import { loadDatagramCalls } from './libc-datagrams.ts';
import { openFailure } from './socket-errors.ts';
import { closeUdp, growReceiveBuffer, openPrepared, RECEIVE_BUFFER_BYTES } from './udp-socket.ts';

export function createDeviceMaker(given: Native & { readonly reason: string }): DatagramMaker {
  const open = new Set<InterfaceSocket>();
  const load = loadDatagramCalls();
  const calls = load.kind === 'loaded' ? load.calls : undefined;
  const ring = calls && createDatagramRing(calls);
  const spare: BatchMemory[] = [];

  const adopt = (options: OpenOptions, hearing: Bound, answering: Bound): InterfaceSocket => {
    const memory = calls && (spare.pop() ?? allocateBatchMemory(calls));
    const refused = (bytes: Uint8Array, to: Endpoint) => sendTo(answering.socket, bytes, to, options);
    const batch =
      calls && memory && createBatchSender({ calls, memory, fd: answering.fd, schedule: setImmediate, refused });
    const stops = [hearing, answering].map(({ socket, fd }) =>
      listen(socket, options, () => 'known', ring && ((isOpen, tell) => ring.drain(fd, isOpen, tell))),
    );
    const receiveBufferBytes = Math.min(
      ...[hearing, answering].map(({ socket }) => growReceiveBuffer(socket, RECEIVE_BUFFER_BYTES)),
    );
    const socket = createInterfaceSocket({
      maker: 'device',
      options,
      sender: answering.socket,
      batch,
      hardware: openHardwareSender(given, options),
      receiveBufferBytes,
      release: async () => {
        open.delete(socket);
        for (const stop of stops) stop();
        if (memory) spare.push(memory);
        await Promise.all([closeUdp(hearing.socket), closeUdp(answering.socket)]);
      },
    });
    open.add(socket);
    return socket;
  };

  return {
    kind: 'device',
    reason: given.reason,
    async open(options) {
      const sockets: Socket[] = [];
      try {
        const hearing = openHearing(given.libc, options);
        sockets.push(hearing.socket);
        const answering = openAnswering(given.libc, options);
        sockets.push(answering.socket);
        return adopt(options, hearing, answering);
      } catch (error) {
        for (const socket of sockets) socket.close();
        throw openFailure(error, options);
      }
    },
    async close() {
      await Promise.all([...open].map((socket) => socket.close()));
    },
  };
}

interface Bound {
  readonly socket: Socket;
  readonly fd: number;
}

function openHearing(libc: Libc, options: OpenOptions): Bound {
  return openBound(libc, (fd) => {
    bindToDevice(libc, fd, options, ANY_ADDRESS, options.share ?? false);
    // After binding, so that another program's socket is still met as EADDRINUSE, and only the pair shares the port.
    libc.setOption(fd, SO_REUSEADDR, intValue(1));
  });
}

function openAnswering(libc: Libc, options: OpenOptions): Bound {
  return openBound(libc, (fd) => bindToDevice(libc, fd, options, options.address, true));
}

function openBound(libc: Libc, bind: (fd: number) => void): Bound {
  let fd = -1;
  const socket = openPrepared(libc, RECEIVE_BUFFER_BYTES, (opened) => {
    fd = opened;
    bind(opened);
  });
  return { socket, fd };
}

function bindToDevice(libc: Libc, fd: number, options: OpenOptions, address: Ipv4, share: boolean): void {
  libc.setOption(fd, SO_BINDTODEVICE, deviceName(options.interface));
  libc.setOption(fd, SO_BROADCAST, intValue(1));
  if (share) libc.setOption(fd, SO_REUSEADDR, intValue(1));
  libc.bind(fd, socketAddress(address, options.port));
}

/**
 * Sockets bound to a device (SO_BINDTODEVICE). Two for each interface and port: one on 0.0.0.0 hears broadcasts, one on the
 * interface's address gives answers that source address, whatever other addresses the interface has.
 */

import type { Socket } from 'node:dgram';
import { ANY_ADDRESS, type Ipv4 } from '../net/ipv4.ts';
import type { DatagramMaker, InterfaceSocket, OpenOptions } from './datagram.ts';
import { createInterfaceSocket, listen, type Native, openHardwareSender } from './interface-socket.ts';
import { deviceName, intValue, type Libc, SO_BINDTODEVICE, SO_BROADCAST, SO_REUSEADDR, socketAddress } from './libc.ts';
import { openFailure } from './socket-errors.ts';
import { closeUdp, growReceiveBuffer, openPrepared, RECEIVE_BUFFER_BYTES } from './udp-socket.ts';

export function createDeviceMaker(given: Native & { readonly reason: string }): DatagramMaker {
  const open = new Set<InterfaceSocket>();

  const openSockets = (options: OpenOptions): InterfaceSocket => {
    const { hearing, answering } = openPair(given.libc, options);
    const stops = [hearing, answering].map((socket) => listen(socket, options, () => 'known'));
    const receiveBufferBytes = Math.min(
      ...[hearing, answering].map((socket) => growReceiveBuffer(socket, RECEIVE_BUFFER_BYTES)),
    );
    const socket = createInterfaceSocket({
      maker: 'device',
      options,
      sender: answering,
      hardware: openHardwareSender(given, options),
      receiveBufferBytes,
      release: async () => {
        open.delete(socket);
        for (const stop of stops) stop();
        await Promise.all([closeUdp(hearing), closeUdp(answering)]);
      },
    });
    open.add(socket);
    return socket;
  };

  return {
    kind: 'device',
    reason: given.reason,
    async open(options) {
      try {
        return openSockets(options);
      } catch (error) {
        throw openFailure(error, options);
      }
    },
    async close() {
      await Promise.all([...open].map((socket) => socket.close()));
    },
  };
}

function openPair(libc: Libc, options: OpenOptions): { hearing: Socket; answering: Socket } {
  const on = intValue(1);
  const prepare = (fd: number, address: Ipv4, share: boolean) => {
    libc.setOption(fd, SO_BINDTODEVICE, deviceName(options.interface));
    libc.setOption(fd, SO_BROADCAST, on);
    if (share) libc.setOption(fd, SO_REUSEADDR, on);
    libc.bind(fd, socketAddress(address, options.port));
  };
  const hearing = openPrepared(libc, RECEIVE_BUFFER_BYTES, (fd) => {
    prepare(fd, ANY_ADDRESS, options.share ?? false);
    // After binding, so that another program's socket is still met as EADDRINUSE, and only the pair shares the port.
    libc.setOption(fd, SO_REUSEADDR, on);
  });
  try {
    const answering = openPrepared(libc, RECEIVE_BUFFER_BYTES, (fd) => prepare(fd, options.address, true));
    return { hearing, answering };
  } catch (error) {
    hearing.close();
    throw error;
  }
}

/** Listeners made of plain dgram, for servers that are given theirs by the os room. */
import { createSocket } from 'node:dgram';
import { AppError } from '../../src/errors.ts';
import type { OpenUdpListener } from '../../src/tftp/listeners.ts';

export const openDgramListener: OpenUdpListener = async ({ address, port, family, onDatagram, onError }) => {
  const socket = createSocket(family === 'ipv6' ? 'udp6' : 'udp4');
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (error) =>
      reject(new AppError('port-in-use', `UDP port ${port} on ${address} cannot be had: ${error.message}`)),
    );
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeAllListeners('error');
      resolve();
    });
  });
  socket.on('message', onDatagram);
  socket.on('error', onError);
  return {
    address,
    port: socket.address().port,
    receiveBufferBytes: socket.getRecvBufferSize(),
    send: (bytes, to) => socket.send(bytes, to.port, to.address),
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
};

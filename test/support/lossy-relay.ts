/** A UDP relay on loopback which loses, copies and delays: stands between a real client and the server. */
import { createSocket, type Socket } from 'node:dgram';
import { randomOf } from './send-simulation.ts';

export interface RelayOptions {
  readonly serverPort: number;
  readonly seed: number;
  readonly loss: number;
  readonly copies?: number;
}

export interface LossyRelay {
  readonly port: number;
  readonly lost: () => number;
  close(): Promise<void>;
}

/** Each client gets a socket towards the server, which follows the server to its transfer's port. */
export async function openLossyRelay(options: RelayOptions): Promise<LossyRelay> {
  const random = randomOf(options.seed);
  const front = createSocket('udp4');
  const backs = new Map<number, Socket>();
  let lost = 0;

  function pass(send: () => void): void {
    if (random() < options.loss) lost++;
    else {
      send();
      if (random() < (options.copies ?? 0)) send();
    }
  }

  function backOf(clientPort: number): { socket: Socket; target: { port: number } } {
    const socket = createSocket('udp4');
    const target = { port: options.serverPort };
    socket.on('message', (bytes, from) => {
      target.port = from.port;
      pass(() => front.send(bytes, clientPort, '127.0.0.1'));
    });
    backs.set(clientPort, socket);
    return { socket, target };
  }

  const routes = new Map<number, ReturnType<typeof backOf>>();
  front.on('message', (bytes, from) => {
    const isRequest = bytes[1] === 1 || bytes[1] === 2;
    let route = routes.get(from.port);
    if (!route) {
      route = backOf(from.port);
      routes.set(from.port, route);
    }
    if (isRequest) route.target.port = options.serverPort;
    const { socket, target } = route;
    pass(() => socket.send(bytes, target.port, '127.0.0.1'));
  });
  await new Promise<void>((resolve) => front.bind(0, '127.0.0.1', resolve));
  return {
    port: front.address().port,
    lost: () => lost,
    async close() {
      for (const socket of backs.values()) socket.close();
      await new Promise<void>((resolve) => front.close(() => resolve()));
    },
  };
}

/** A UDP relay which loses and copies: stands between a real client and the server. */
import { createSocket, type Socket } from 'node:dgram';
import { randomOf } from './send-simulation.ts';

export interface RelayOptions {
  readonly serverPort: number;
  /** Default 127.0.0.1. */
  readonly serverAddress?: string;
  /** Where clients find the relay; default 127.0.0.1, any port. */
  readonly address?: string;
  readonly port?: number;
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
  const { serverAddress = '127.0.0.1', address = '127.0.0.1' } = options;
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

  function backOf(client: { readonly address: string; readonly port: number }): {
    socket: Socket;
    target: { port: number };
  } {
    const socket = createSocket('udp4');
    const target = { port: options.serverPort };
    socket.on('message', (bytes, from) => {
      target.port = from.port;
      pass(() => front.send(bytes, client.port, client.address));
    });
    backs.set(client.port, socket);
    return { socket, target };
  }

  const routes = new Map<number, ReturnType<typeof backOf>>();
  front.on('message', (bytes, from) => {
    const isRequest = bytes[1] === 1 || bytes[1] === 2;
    let route = routes.get(from.port);
    if (!route) {
      route = backOf(from);
      routes.set(from.port, route);
    }
    if (isRequest) route.target.port = options.serverPort;
    const { socket, target } = route;
    pass(() => socket.send(bytes, target.port, serverAddress));
  });
  await new Promise<void>((resolve) => front.bind(options.port ?? 0, address, resolve));
  return {
    port: front.address().port,
    lost: () => lost,
    async close() {
      for (const socket of backs.values()) socket.close();
      await new Promise<void>((resolve) => front.close(() => resolve()));
    },
  };
}

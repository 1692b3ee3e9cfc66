/**
 * Sends captured packets again, in a namespace: `node dhcp-replay.ts <json>` with a list of steps, each `{ hex, from, to, port }`.
 * A step is sent from a UDP port to an address, and the first datagram that comes back to that port with its xid is printed as hex,
 * or an empty line after two seconds. Knows the wire by itself, not by `src/`.
 */
import { createSocket } from 'node:dgram';

export interface ReplayStep {
  readonly hex: string;
  readonly from: number;
  readonly to: string;
  readonly port: number;
}

async function replay({ hex, from, to, port }: ReplayStep): Promise<string> {
  const packet = Buffer.from(hex, 'hex');
  const socket = createSocket({ type: 'udp4', reuseAddr: true });
  await new Promise<void>((resolve) => socket.bind(from, '0.0.0.0', resolve));
  socket.setBroadcast(true);
  const heard = new Promise<string>((resolve) => {
    socket.on('message', (reply) => {
      if (reply.subarray(4, 8).equals(packet.subarray(4, 8)) && reply[0] === 2) resolve(reply.toString('hex'));
    });
    setTimeout(() => resolve(''), 2000);
  });
  // An error of sending ends the program: nothing may be taken for silence that was never asked.
  socket.send(packet, port, to, (error) => {
    if (error) throw error;
  });
  const answer = await heard;
  socket.close();
  return answer;
}

if (import.meta.main) {
  for (const step of JSON.parse(process.argv[2] ?? '[]') as ReplayStep[]) console.log(await replay(step));
}

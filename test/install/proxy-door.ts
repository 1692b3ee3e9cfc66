/** Program run inside a station of the test LAN: hands each connection on to a unix socket, by which the test answers. */
import { connect, createServer } from 'node:net';

const [address = '127.0.0.1', port = '3128', socket = ''] = process.argv.slice(2);

createServer((client) => {
  const test = connect(socket);
  client.pipe(test).pipe(client);
  for (const [end, other] of [
    [client, test],
    [test, client],
  ] as const) {
    end.on('error', () => other.destroy());
  }
}).listen(Number(port), address, () => process.stderr.write('listening\n'));

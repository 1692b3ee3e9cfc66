/** Program run inside the report station's namespace: writes the body of every POST to stdout, one JSON string a line. */
import { createServer } from 'node:http';

const MAX_BODY_BYTES = 64 * 1024;
const [address = '127.0.0.1', port = '80'] = process.argv.slice(2);

const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk: string) => {
    body += chunk;
    if (body.length > MAX_BODY_BYTES) request.destroy();
  });
  request.on('end', () => {
    if (request.method === 'POST') process.stdout.write(`${JSON.stringify(body)}\n`);
    response.writeHead(request.method === 'POST' ? 200 : 405, { 'content-length': 0 });
    response.end();
  });
});

server.listen(Number(port), address, () => process.stderr.write('listening\n'));

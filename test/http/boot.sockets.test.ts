import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { OpenContent } from '../../src/boot/content.ts';
import type { BootEvent } from '../../src/boot/event.ts';
import { type BootDoor, createBootDoor } from '../../src/http/boot.ts';
import type { Mac } from '../../src/net/mac.ts';
import {
  type FakeContent,
  fakeTree,
  MODIFIED,
  patternBytes,
  patternContent,
  talk,
  textContent,
} from './boot-fixtures.ts';

const MAC = '52:54:00:aa:00:01' as Mac;
const BIG = 5 * 1024 * 1024 + 17;

let door: BootDoor;
let port: number;
let events: BootEvent[];
let tree: ReturnType<typeof fakeTree>;
let big: FakeContent;

beforeEach(async () => {
  events = [];
  big = patternContent(BIG);
  tree = fakeTree({
    'boot.ipxe': () => textContent('#!ipxe\n', { host: 'web-1' }),
    'x64/grubx64.efi': () => patternContent(1000, { contentType: 'application/efi' }),
    'debian/linux': () => big,
    'names/ä b.txt': () => textContent('umlaut'),
    empty: () => patternContent(0),
    short: () => patternContent(10_000, { read: async (into, position) => (position === 0 ? into.length / 2 : 0) }),
  });
  door = createBootDoor({
    open: tree.open,
    findMac: () => MAC,
    record: (event) => events.push(event),
    log: pino({ level: 'silent' }),
    now: Date.now,
    idleTimeoutMs: 700,
    closeGraceMs: 100,
  });
  port = (await door.listen('127.0.0.1', 0)).port;
});
afterEach(() => door.close());

const get = (path: string, init: RequestInit = {}) => fetch(`http://127.0.0.1:${port}${path}`, init);
const recorded = (kind: BootEvent['kind']) =>
  vi.waitFor(
    () => {
      const event = events.find((candidate) => candidate.kind === kind);
      expect(event, `an event ${kind} among ${events.map((e) => e.kind).join()}`).toBeDefined();
      return event as BootEvent;
    },
    { timeout: 10_000 },
  );

describe('the boot door', () => {
  it('sends a file with exact length, type and validators, and nothing that firmware stumbles over', async () => {
    const response = await get('/x64/grubx64.efi');
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-length': '1000',
      'content-type': 'application/efi',
      'accept-ranges': 'bytes',
      etag: '"size-1000"',
      'last-modified': new Date(MODIFIED).toUTCString(),
    });
    for (const header of ['transfer-encoding', 'content-encoding', 'set-cookie', 'location']) {
      expect(response.headers.has(header)).toBe(false);
    }
    expect(Buffer.from(await response.arrayBuffer())).toEqual(patternBytes(0, 1000));
  });

  it('streams a big file whole and closes it once', async () => {
    const body = Buffer.from(await (await get('/debian/linux')).arrayBuffer());
    expect(body.length).toBe(BIG);
    expect(body.equals(patternBytes(0, BIG))).toBe(true);
    await recorded('http.done');
    expect(big.closed).toBe(1);
  });

  it('tells the size by HEAD as EDK2 asks for it, without the body', async () => {
    const answer = await talk(
      port,
      'HEAD /debian/linux HTTP/1.1\r\nHost: x\r\nUser-Agent: UefiHttpBoot/1.0\r\nAccept: */*\r\nConnection: close\r\n\r\n',
    );
    const [head, body] = answer.split('\r\n\r\n');
    expect(head).toContain(`Content-Length: ${BIG}`);
    expect(body).toBe('');
    const event = await recorded('http.done');
    expect(event).toMatchObject({ bytes: 0, detail: { method: 'HEAD', userAgent: 'UefiHttpBoot/1.0' } });
    expect(big.closed).toBe(1);
  });

  it('records no more of a path than a person would read', async () => {
    expect((await get(`/${'a'.repeat(10_000)}`)).status).toBe(404);
    const { path = '', summary } = await recorded('http.absent');
    expect(path.length).toBeLessThanOrEqual(1000);
    expect(summary.length).toBeLessThanOrEqual(1000);
  });

  it('closes one listener and goes on with the others', async () => {
    const other = await door.listen('127.0.0.1', 0);
    await other.close();
    await expect(fetch(`http://127.0.0.1:${other.port}/empty`)).rejects.toThrow();
    expect((await get('/empty')).status).toBe(200);
  });

  it('serves the empty file', async () => {
    const response = await get('/empty');
    expect(response.headers.get('content-length')).toBe('0');
    expect(await response.text()).toBe('');
  });

  it.each([
    ['/x64//grubx64.efi', 'x64/grubx64.efi', 200],
    ['//x64///grubx64.efi?arch=x64#top', 'x64/grubx64.efi', 200],
    ['http://10.77.0.1/x64/grubx64.efi', 'x64/grubx64.efi', 200],
    ['/x64%2fgrubx64.efi', 'x64/grubx64.efi', 200],
    ['/names/%C3%A4%20b.txt', 'names/ä b.txt', 200],
    ['/%2e%2e/etc/passwd', '../etc/passwd', 403],
    ['/x64/..%2f..%2fetc/passwd', 'x64/../../etc/passwd', 403],
    ['/%252e%252e/etc/passwd', '%2e%2e/etc/passwd', 404],
    ['/', '', 404],
  ])('asks for %s as "%s": %i', async (target, path, status) => {
    const answer = await talk(port, `GET ${target} HTTP/1.1\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(tree.asked.map((question) => question.path)).toEqual([path]);
  });

  it.each(['/%', '/%zz', '/a%4', '/%ff', '/%c0%ae%c0%ae/', '*'])(
    'refuses the bad encoding %s in words',
    async (target) => {
      const answer = await talk(port, `GET ${target} HTTP/1.1\r\nConnection: close\r\n\r\n`);
      expect(answer).toMatch(/^HTTP\/1.1 400 .*The path is not valid\.\n$/s);
      expect(tree.asked).toEqual([]);
      await recorded('http.refused');
    },
  );

  it('tells the reader who asks and where', async () => {
    await get('/boot.ipxe');
    expect(tree.asked[0]?.requester).toEqual({
      ip: '127.0.0.1',
      transport: 'http',
      localAddress: '127.0.0.1',
      mac: MAC,
    });
  });

  it('answers 404 in one line of plain text and records why', async () => {
    const response = await get('/nothing');
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(await response.text()).toBe('No such file.\n');
    expect(await recorded('http.absent')).toMatchObject({
      path: 'nothing',
      mac: MAC,
      summary: expect.stringMatching(/no file route/),
    });
  });

  it.each([
    ['/broken', 500, 'A template could not be rendered.\n', /template-failed.*vars\.disk/],
    ['/bug', 500, 'A bug in Hobnail.\n', /internal/],
  ])('maps a failure of %s through the catalogue', async (path, status, text, summary) => {
    const response = await get(path);
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(text);
    expect(await recorded('http.failed')).toMatchObject({ summary: expect.stringMatching(summary) });
  });

  it('cuts the connection when a file turns out shorter than promised', async () => {
    await expect(get('/short').then((response) => response.arrayBuffer())).rejects.toThrow();
    expect(await recorded('http.failed')).toMatchObject({
      summary: expect.stringMatching(/read-failed.*ended at 5000/),
    });
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('refuses %s', async (method) => {
    const response = await get('/boot.ipxe', { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('GET, HEAD');
  });

  it('does not wait for the body of a request it refuses', async () => {
    const answer = await talk(port, 'POST /boot.ipxe HTTP/1.1\r\nContent-Length: 1000000\r\n\r\nsome');
    expect(answer).toMatch(/^HTTP\/1.1 405 /);
  });

  it('records each request with path, bytes, host, time and user agent', async () => {
    await get('/boot.ipxe', { headers: { 'User-Agent': 'iPXE/1.0.0+git' } });
    const event = await recorded('http.done');
    expect(event).toMatchObject({
      path: 'boot.ipxe',
      bytes: 7,
      host: 'web-1',
      ip: '127.0.0.1',
      mac: MAC,
      ms: expect.any(Number),
      detail: { method: 'GET', status: 200, userAgent: 'iPXE/1.0.0+git' },
    });
  });
});

describe('ranges and conditions', () => {
  it.each([
    ['bytes=0-9', 0, 10],
    ['bytes=4999990-', 4_999_990, BIG],
    ['bytes=-17', BIG - 17, BIG],
    ['bytes=100-99999999999', 100, BIG],
  ])('sends %s', async (range, start, end) => {
    const response = await get('/debian/linux', { headers: { Range: range } });
    expect(response.status).toBe(206);
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/${BIG}`);
    expect(response.headers.get('content-length')).toBe(`${end - start}`);
    expect(Buffer.from(await response.arrayBuffer()).equals(patternBytes(start, end))).toBe(true);
  });

  it('sends a range of a file in memory', async () => {
    const response = await get('/boot.ipxe', { headers: { Range: 'bytes=2-5' } });
    expect(await response.text()).toBe('ipxe');
  });

  it('refuses a range beyond the end and tells the size', async () => {
    const response = await get('/boot.ipxe', { headers: { Range: 'bytes=7-' } });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe('bytes */7');
  });

  it('goes on with a download only while the file is the same', async () => {
    const same = await get('/boot.ipxe', { headers: { Range: 'bytes=2-', 'If-Range': '"size-7"' } });
    const other = await get('/boot.ipxe', { headers: { Range: 'bytes=2-', 'If-Range': '"size-8"' } });
    expect([same.status, other.status]).toEqual([206, 200]);
  });

  it('answers 304 to who has it already', async () => {
    const response = await get('/boot.ipxe', { headers: { 'If-None-Match': '"size-7"' } });
    expect(response.status).toBe(304);
    expect(await response.text()).toBe('');
  });
});

describe('connections', () => {
  it('serves HTTP/1.0 and closes', async () => {
    const answer = await talk(port, 'GET /boot.ipxe HTTP/1.0\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.[01] 200 OK\r\n.*Content-Length: 7\r\n.*\r\n\r\n#!ipxe\n$/s);
    expect(answer).not.toMatch(/transfer-encoding/i);
  });

  it('keeps a connection for the next file, also for HTTP/1.0 that asks for it', async () => {
    for (const line of ['HTTP/1.1', 'HTTP/1.0\r\nConnection: keep-alive']) {
      const answer = await talk(
        port,
        `GET /boot.ipxe ${line}\r\n\r\nGET /x64/grubx64.efi ${line}\r\n\r\nHEAD /boot.ipxe HTTP/1.0\r\n\r\n`,
      );
      expect(answer.match(/HTTP\/1\.[01] 200 OK/g)).toHaveLength(3);
    }
  });

  it('listens on IPv6 beside IPv4', async () => {
    const v6 = await door.listen('::1', port);
    expect(v6.port).toBe(port);
    expect(await talk(port, 'GET /boot.ipxe HTTP/1.0\r\n\r\n', '::1')).toMatch(/#!ipxe/);
    expect(tree.asked[0]?.requester).toMatchObject({ ip: '::1', localAddress: '::1' });
  });

  it('closes the content and records when the client goes away', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /debian/linux HTTP/1.1\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    const event = await recorded('http.aborted');
    expect(event.path).toBe('debian/linux');
    expect(event.bytes).toBeLessThan(BIG);
    expect(big.closed).toBe(1);
    expect(events).toHaveLength(1);
  });

  it('sends every byte to each of many, whoever comes and leaves meanwhile', async () => {
    const fetchAll = async (socket: Socket) => {
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      const answer = Buffer.concat(chunks);
      return answer.subarray(answer.indexOf('\r\n\r\n') + 4);
    };
    const expected = patternBytes(0, BIG);
    const read: OpenContent['read'] = async (into, position) => {
      const part = expected.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    };
    const crowd = fakeTree({ linux: () => patternContent(BIG, { read }) });
    const other = createBootDoor({
      open: crowd.open,
      findMac: () => undefined,
      record: () => {},
      log: pino({ level: 'silent' }),
      now: Date.now,
    });
    const at = await other.listen('127.0.0.1', 0);
    // More than are sent large blocks, and fewer than that once half of them have left.
    const sockets = Array.from({ length: 40 }, () => {
      const socket = connect(at.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.write('GET /linux HTTP/1.1\r\nConnection: close\r\n\r\n');
      return socket;
    });
    await vi.waitFor(() => expect(crowd.asked).toHaveLength(40));
    for (const socket of sockets.slice(0, 20)) socket.destroy();
    for (const body of await Promise.all(sockets.slice(20).map(fetchAll))) expect(body.equals(expected)).toBe(true);
    await other.close();
  }, 30_000);

  it('gives up a client that stops reading', async () => {
    const huge = patternContent(64 * 1024 * 1024, { read: async (into) => into.length });
    const slow = fakeTree({ huge: () => huge });
    const other = createBootDoor({
      open: slow.open,
      findMac: () => undefined,
      record: (event) => events.push(event),
      log: pino({ level: 'silent' }),
      now: Date.now,
      idleTimeoutMs: 300,
    });
    const at = await other.listen('127.0.0.1', 0);
    const socket = connect(at.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET /huge HTTP/1.1\r\n\r\n');
    await expect.poll(() => events.map((event) => event.kind)).toEqual(['http.aborted']);
    expect(huge.closed).toBe(1);
    socket.destroy();
    await other.close();
  });

  it('closes content that was opened for a client already gone', async () => {
    const late = textContent('late');
    const slow = fakeTree({ late: () => sleep(200, late) });
    const other = createBootDoor({
      open: slow.open,
      findMac: () => undefined,
      record: (event) => events.push(event),
      log: pino({ level: 'silent' }),
      now: Date.now,
    });
    const at = await other.listen('127.0.0.1', 0);
    const socket = connect(at.port, '127.0.0.1');
    socket.write('GET /late HTTP/1.1\r\n\r\n');
    await expect.poll(() => slow.asked).toHaveLength(1);
    socket.destroy();
    await recorded('http.aborted');
    expect(late.closed).toBe(1);
    await other.close();
  });

  it.each([
    ['no HTTP', '\x16\x03\x01 hello\r\n\r\n', 400],
    ['a huge header', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ])('answers %s in plain text and goes on', async (_name, bytes, status) => {
    expect(await talk(port, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} .*Content-Length: \\d+`, 's'));
    expect((await get('/boot.ipxe')).status).toBe(200);
  });

  it('lets a silent connection go', async () => {
    expect(await talk(port, '')).toBe('');
  });

  it('says which port is taken and how to find out by whom', async () => {
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const taken = (other.address() as AddressInfo).port;
    await expect(door.listen('127.0.0.1', taken)).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringContaining(`ss -ltnp sport = :${taken}`),
    });
    await expect(door.listen('192.0.2.1', 0)).rejects.toMatchObject({ code: 'interface-missing' });
    other.close();
  });

  it('closes although a transfer hangs', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.pause();
    socket.write('GET /debian/linux HTTP/1.1\r\n\r\n');
    await expect.poll(() => tree.asked).toHaveLength(1);
    const started = Date.now();
    await door.close();
    // Its grace is a tenth of a second; the transfer would hang for ever.
    expect(Date.now() - started).toBeLessThan(5000);
    socket.destroy();
  });
});

/** HTTP as it is on the wire, byte by byte: what firmware, loaders and strangers send, and exactly what comes back. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BootEvent } from '../../src/boot/event.ts';
import { type BootDoor, type BootDoorDeps, createBootDoor } from '../../src/http/boot.ts';
import { fakeTree, patternBytes, patternContent, talk, textContent } from './boot-fixtures.ts';

const SCRIPT = '#!ipxe\nboot\n';
const BIG = 300_001;

let door: BootDoor;
let port: number;
let events: BootEvent[];
let tree: ReturnType<typeof fakeTree>;
let holds: boolean;

const openDoor = (more: Partial<BootDoorDeps>) =>
  createBootDoor({
    open: tree.open,
    findMac: () => undefined,
    record: (event) => events.push(event),
    log: pino({ level: 'silent' }),
    now: Date.now,
    closeGraceMs: 100,
    ...more,
  });

beforeEach(async () => {
  events = [];
  holds = true;
  tree = fakeTree({
    'boot.ipxe': () => textContent(SCRIPT, { holdsFor: () => holds }),
    'x64/bootx64.efi': () => patternContent(1000, { contentType: 'application/efi' }),
    'dir/file': () => textContent('x'),
    linux: () => patternContent(BIG),
    empty: () => patternContent(0),
  });
  door = openDoor({ maxConnections: 5 });
  port = (await door.listen('127.0.0.1', 0)).port;
});
afterEach(() => door.close());

interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Cuts what came into answers by their Content-Length alone; what is left over is an error of the server's. */
function answersOf(said: string, methods: readonly string[]): Answer[] {
  const answers: Answer[] = [];
  let rest = said;
  for (const method of methods) {
    const end = rest.indexOf('\r\n\r\n');
    const [line = '', ...fields] = rest.slice(0, end).split('\r\n');
    const headers = new Map(
      fields.map((field) => [field.slice(0, field.indexOf(':')).toLowerCase(), field.slice(field.indexOf(':') + 2)]),
    );
    const length = method === 'HEAD' ? 0 : Number(headers.get('content-length') ?? 0);
    const body = Buffer.from(rest.slice(end + 4, end + 4 + length), 'latin1');
    answers.push({ status: Number(line.split(' ')[1]), headers, body });
    rest = rest.slice(end + 4 + length);
  }
  expect(rest).toBe('');
  return answers;
}

async function ask(head: string, method = 'GET'): Promise<Answer> {
  const [answer] = answersOf(await talk(port, `${head}\r\nConnection: close\r\n\r\n`), [method]);
  return answer as Answer;
}

async function connected(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

describe('on the wire', () => {
  it.each([
    ['/boot.ipxe', SCRIPT.length],
    ['/x64/bootx64.efi', 1000],
    ['/linux', BIG],
    ['/empty', 0],
  ])('HEAD and GET of %s tell the same, and exactly the bytes that come', async (path, size) => {
    const head = await ask(`HEAD ${path} HTTP/1.1\r\nHost: x`, 'HEAD');
    const got = await ask(`GET ${path} HTTP/1.1\r\nHost: x`);
    const again = await ask(`GET ${path} HTTP/1.1\r\nHost: x`);
    for (const { status, headers, body } of [got, again]) {
      expect(status).toBe(200);
      expect(body.length).toBe(size);
      const withoutDate = (of: ReadonlyMap<string, string>) => [...of].filter(([name]) => name !== 'date').sort();
      expect(withoutDate(headers)).toEqual(withoutDate(head.headers));
    }
    expect(head.headers.get('content-length')).toBe(String(size));
    expect(again.body.equals(got.body)).toBe(true);
  });

  it('nothing is compressed, chunked, or made to vary for who could take it', async () => {
    for (const path of ['/boot.ipxe', '/linux']) {
      const { headers, body } = await ask(`GET ${path} HTTP/1.1\r\nAccept-Encoding: gzip, deflate, br\r\nTE: chunked`);
      expect(Number(headers.get('content-length'))).toBe(body.length);
      for (const name of ['content-encoding', 'transfer-encoding', 'vary', 'location']) {
        expect(headers.has(name)).toBe(false);
      }
    }
  });

  it('a directory, with and without a slash, is no file and no redirect', async () => {
    for (const path of ['/dir', '/dir/', '/x64']) expect((await ask(`GET ${path} HTTP/1.1`)).status).toBe(404);
  });

  it.each([
    ['bytes=0-0', 206, 0, 1],
    ['bytes=-1', 206, BIG - 1, BIG],
    ['bytes=-99999999', 206, 0, BIG],
    ['bytes=300000-300000', 206, BIG - 1, BIG],
    // Several ranges at once: the whole, as RFC 9110 §14.2 allows; nobody who boots wants multipart.
    ['bytes=0-1,5-9', 200, 0, BIG],
    ['bytes=9-1', 200, 0, BIG],
    ['lines=1-2', 200, 0, BIG],
    ['bytes=-0', 416, 0, 0],
    [`bytes=${BIG}-`, 416, 0, 0],
  ])('Range: %s is answered with %i', async (range, status, start, end) => {
    const answer = await ask(`GET /linux HTTP/1.1\r\nRange: ${range}`);
    expect(answer.status).toBe(status);
    const told = answer.headers.get('content-range');
    if (status === 416) return expect(told).toBe(`bytes */${BIG}`);
    expect(answer.body.equals(patternBytes(start, end))).toBe(true);
    expect(told).toBe(status === 206 ? `bytes ${start}-${end - 1}/${BIG}` : undefined);
  });

  it('requests that were sent together are answered in their order, known or not', async () => {
    await ask('GET /boot.ipxe HTTP/1.1');
    const asked = ['/linux', '/boot.ipxe', '/nothing', '/boot.ipxe', '/x64//bootx64.efi', '/boot.ipxe'];
    const requests = asked.map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n`);
    const said = await talk(port, `${requests.join('\r\n')}Connection: close\r\n\r\n`);
    const answers = answersOf(
      said,
      asked.map(() => 'GET'),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 200, 200, 200]);
    expect(answers.map(({ body }) => body.length)).toEqual([
      BIG,
      SCRIPT.length,
      14,
      SCRIPT.length,
      1000,
      SCRIPT.length,
    ]);
  });

  it('HTTP/1.0 without more closes; with keep-alive it goes on, answered before or not', async () => {
    for (let round = 0; round < 2; round++) {
      const [only] = answersOf(await talk(port, 'GET /boot.ipxe HTTP/1.0\r\n\r\n'), ['GET']);
      expect(only?.body.toString()).toBe(SCRIPT);
      expect(only?.headers.get('connection')).toBe('close');
    }
    const kept = 'GET /boot.ipxe HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n';
    const [first, second] = answersOf(await talk(port, `${kept}GET /boot.ipxe HTTP/1.0\r\n\r\n`), ['GET', 'GET']);
    expect(first?.headers.get('connection')).toMatch(/keep-alive/i);
    expect(second?.headers.get('connection')).toBe('close');
  });

  it('an upgrade to HTTP/2 is not taken up, and the file comes', async () => {
    const head = 'GET /boot.ipxe HTTP/1.1\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n';
    const said = await talk(port, `${head}Connection: Upgrade, HTTP2-Settings, close\r\n\r\n`);
    expect(said).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('what was answered before', () => {
  it('comes without asking the reader, and is recorded as any other', async () => {
    for (let round = 0; round < 3; round++) {
      const { body } = await ask('GET /boot.ipxe HTTP/1.1\r\nUser-Agent: iPXE/1.21');
      expect(body.toString()).toBe(SCRIPT);
    }
    expect(tree.asked).toHaveLength(1);
    await expect.poll(() => events.length).toBe(3);
    const [first, ...others] = events.map(({ at: _, ms: __, ...event }) => event);
    for (const other of others) expect(other).toEqual(first);
    expect(first).toMatchObject({
      kind: 'http.done',
      path: 'boot.ipxe',
      bytes: SCRIPT.length,
      ip: '127.0.0.1',
      detail: { method: 'GET', status: 200, userAgent: 'iPXE/1.21' },
    });
  });

  it('is asked for anew when it does not hold any more', async () => {
    await ask('GET /boot.ipxe HTTP/1.1');
    holds = false;
    await ask('GET /boot.ipxe HTTP/1.1');
    expect(tree.asked).toHaveLength(2);
  });

  it('keeps to conditions and ranges all the same', async () => {
    await ask('GET /boot.ipxe HTTP/1.1');
    const etag = (await ask('GET /boot.ipxe HTTP/1.1')).headers.get('etag');
    expect((await ask(`GET /boot.ipxe HTTP/1.1\r\nIf-None-Match: ${etag}`)).status).toBe(304);
    const part = await ask('GET /boot.ipxe HTTP/1.1\r\nRange: bytes=2-5');
    expect([part.status, part.body.toString()]).toEqual([206, 'ipxe']);
  });
});

describe('strangers', () => {
  it.each([
    ['two lengths', 'GET /boot.ipxe HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    [
      'a length and chunks',
      'POST /boot.ipxe HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'chunks that are not the last coding',
      'GET /boot.ipxe HTTP/1.1\r\nTransfer-Encoding: chunked, x\r\n\r\n0\r\n\r\n',
    ],
    ['a blank before the colon', 'GET /boot.ipxe HTTP/1.1\r\nContent-Length : 5\r\n\r\nhello'],
    ['a folded header', 'GET /boot.ipxe HTTP/1.1\r\n Content-Length: 5\r\n\r\nhello'],
    ['a NUL in a header', 'GET /boot.ipxe HTTP/1.1\r\nX: a\0b\r\n\r\n'],
    ['another protocol', 'GET /boot.ipxe SPDY/3\r\n\r\n'],
  ])('with %s get 400 and the end of the connection', async (_, request) => {
    const smuggled = `${request}GET /linux HTTP/1.1\r\n\r\n`;
    const answers = answersOf(await talk(port, smuggled), ['GET']);
    expect(answers[0]?.status).toBe(400);
    expect(tree.asked).toEqual([]);
  });

  it('cannot hide a request in a body', async () => {
    const hidden = 'GET /linux HTTP/1.1\r\n\r\n';
    for (const first of ['/boot.ipxe', '/boot.ipxe', '/nothing']) {
      const head = `GET ${first} HTTP/1.1\r\nContent-Length: ${hidden.length}\r\n\r\n`;
      answersOf(await talk(port, head + hidden), ['GET']);
    }
    expect(tree.asked.map(({ path }) => path)).toEqual(['boot.ipxe', 'boot.ipxe', 'nothing']);
  });

  it('who send a header in drips are cut off, however often something moves', async () => {
    await door.close();
    door = openDoor({ headersTimeoutMs: 300 });
    port = (await door.listen('127.0.0.1', 0)).port;
    const socket = await connected();
    const closed = once(socket, 'close');
    let said = '';
    socket.on('data', (chunk) => {
      said += chunk;
    });
    socket.write('GET /boot.ipxe HTTP/1.1\r\n');
    const timer = setInterval(() => socket.write('X: y\r\n'), 50);
    await closed;
    clearInterval(timer);
    expect(said).toMatch(/^HTTP\/1\.1 408 /);
    expect(tree.asked).toEqual([]);
  }, 20_000);

  it('with ever more header lines are cut off', async () => {
    const lines = Array.from({ length: 2000 }, (_, i) => `X-${i}: 12345678`).join('\r\n');
    expect(await talk(port, `GET /boot.ipxe HTTP/1.1\r\n${lines}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  });

  it('beyond the number of connections are turned away, and those that are there are served', async () => {
    const held = await Promise.all(Array.from({ length: 5 }, connected));
    await sleep(50);
    const [first] = held;
    const more = await connected();
    await once(more, 'close');
    first?.write('GET /boot.ipxe HTTP/1.1\r\n\r\n');
    const [said] = await once(first as Socket, 'data');
    expect(String(said)).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of held) socket.destroy();
  });

  it('who leave while answers wait for them keep nobody else from theirs', async () => {
    await ask('GET /boot.ipxe HTTP/1.1');
    const socket = await connected();
    socket.write('GET /linux HTTP/1.1\r\n\r\nGET /boot.ipxe HTTP/1.1\r\n\r\n');
    socket.resetAndDestroy();
    await sleep(100);
    expect((await ask('GET /boot.ipxe HTTP/1.1')).status).toBe(200);
    await expect.poll(() => events.filter(({ kind }) => kind === 'http.done').length).toBeGreaterThanOrEqual(2);
  });
});

/** Real TFTP clients against the running appliance: every mode and option they have, over a good wire and over a bad one. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLan, type Lan, type Station } from '../../src/lab/lan.ts';
import { encodeNetascii } from '../../src/tftp/netascii.ts';
import { NET } from './boot-server.ts';
import { makeDirectory, type TestDirectory } from './directory.ts';
import { checkRequirements } from './requirements.ts';
import { execOn, layOut, logIn, type Operator, SERVER, startServe } from './serve.ts';
import {
  INTEROP_CLIENTS,
  INTEROP_CLIENTS_OF_IPV6,
  type InteropClient,
  WRITING_CLIENTS,
  type WritingClient,
} from './tftp-clients.ts';

const RELAY = fileURLToPath(new URL('relay.ts', import.meta.url));
const SECOND = '10.77.0.3';
const GLOBAL6 = 'fd00:77::1';
const LINK6 = 'fe80::77%lan0';
/** The same by the portable door, on a station of its own. */
const PORTABLE = '10.77.0.9';
const PORTABLE_LINK6 = 'fe80::79%lan0';
/** One relay a loss rate, each a station of its own. */
const RELAYS = [
  { loss: 0.01, address: '10.77.0.61' },
  { loss: 0.05, address: '10.77.0.65' },
];

/** No repeating pattern, so that blocks in the wrong place give another hash. */
const noise = (size: number) =>
  Buffer.concat(
    Array.from({ length: Math.ceil(size / 32) }, (_, index) => createHash('sha256').update(String(index)).digest()),
  ).subarray(0, size);
const FILES: Readonly<Record<string, Buffer>> = {
  'interop/kernel': noise(300_017),
  // Full blocks of 512 and of 1428: the end is an empty block.
  'interop/full': noise(512 * 357),
  // For uploads: what a client sends and loses costs it a timer of its own, 5 s with tftp-hpa and atftp.
  'interop/config': noise(5017),
  'interop/note': Buffer.from('0123456789\nx\r\ny\rz\n\n'.repeat(200)),
  'interop/one': noise(1),
  'interop/empty': Buffer.alloc(0),
  // Pairs at the ends of blocks, CR LF pairs of its own, and an end without a line break.
  'interop/text': Buffer.from('0123456789\nx\r\ny\rz\n\n'.repeat(900)),
};

const hashOf = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(!(await checkRequirements('clients')))('TFTP with real clients', () => {
  let files: TestDirectory;
  let lan: Lan;
  let client: Station;
  let log: () => Promise<string>;
  let operator: Operator;
  let count = 0;

  beforeAll(async () => {
    files = await makeDirectory('interop');
    lan = await createLan('e2e-interop');
    await layOut(files.path, {
      'hobnail.yaml': {
        log: { format: 'json' },
        listen: [SERVER, SECOND, GLOBAL6, LINK6],
        tftp: { door: 'fast', uploads: { policy: 'create' } },
      },
      // The same files by the other door: it has no machines of its own.
      'portable/hobnail.yaml': {
        log: { format: 'json' },
        listen: [PORTABLE, PORTABLE_LINK6],
        dhcp: { enabled: false },
        tftp: { door: 'portable' },
        paths: { images: '../boot-images', templates: '../templates', profiles: '../profiles' },
      },
      ...Object.fromEntries(Object.entries(FILES).map(([path, bytes]) => [`boot-images/${path}`, bytes])),
    });
    await mkdir(join(files.path, 'got'));
    const server = await lan.attach('server', NET.server);
    client = await lan.attach('client', '10.77.0.50/24');
    for (const address of [`${SECOND}/24`, `${GLOBAL6}/64`, 'fe80::77/64']) await addAddress(server, address);
    const portable = await lan.attach('portable', `${PORTABLE}/24`);
    await addAddress(portable, 'fe80::79/64');
    await addAddress(client, 'fd00:77::50/64');
    const daemon = await startServe(server, files.path);
    await startServe(portable, join(files.path, 'portable'));
    log = () => daemon.log();
    operator = await logIn(server, files.path);
    for (const [index, { loss, address }] of RELAYS.entries()) {
      const station = await lan.attach(`relay${index}`, `${address}/24`);
      const relay = station.start(process.execPath, [RELAY, address, SERVER, String(7 + index), String(loss)], {
        logPath: join(files.path, `relay${index}.log`),
      });
      await relay.waitForLog(/the relay listens/, 15_000);
    }
  });
  afterAll(async () => {
    await lan?.close();
    await files?.close();
  });

  /** The last transfer the server has on record. */
  async function lastRead(): Promise<unknown> {
    const { body } = await operator.ask('GET', 'events?format=json&kind=tftp.done&limit=1');
    return (body as { items: unknown[] }).items[0];
  }

  /** Fetches by the client's command, and expects the very bytes. */
  async function expectRead(one: InteropClient, path: string, server: string): Promise<void> {
    const local = join(files.path, 'got', `file-${count++}`);
    let { code, output } = await execOn(client, one.get(path, local, server), 60_000);
    // atftp gives up when its answer to the OACK is lost and the OACK comes again: then it is asked again.
    for (let turn = 0; turn < 3 && output.includes('unexpected OACK'); turn++) {
      ({ code, output } = await execOn(client, one.get(path, local, server), 60_000));
    }
    const got = await readFile(local).catch(() => Buffer.from('no file'));
    const original = FILES[path] ?? Buffer.from('no such file');
    const expected = one.netascii === 'raw' ? encodeNetascii(original) : original;
    const said = output + (await log()).split('\n').slice(-4).join('\n');
    expect({ code, bytes: got.length, hash: hashOf(got) }, said).toEqual({
      code: 0,
      bytes: expected.length,
      hash: hashOf(expected),
    });
    await rm(local, { force: true });
  }

  describe.each(INTEROP_CLIENTS)('$name', (one) => {
    const paths = one.netascii ? ['interop/text'] : Object.keys(FILES).filter((path) => !/config|note/.test(path));
    test.each(paths)('T-24 T-44 reads %s whole', (path) => expectRead(one, path, SERVER));

    // A client's own timer may give up under loss: then a person asks again, and so does this.
    test.each(RELAYS)('T-30 reads whole through a relay that loses $loss of everything', { retry: 2 }, ({ address }) =>
      expectRead(one, one.netascii ? 'interop/text' : (one.lossy ?? 'interop/kernel'), address),
    );

    test('T-50 is answered by the address it asked, on a machine with two', () =>
      expectRead(one, one.netascii ? 'interop/text' : 'interop/full', SECOND));
  });

  /** Writes by the client's command, and expects the very bytes on the disk, and nothing else. */
  async function expectWritten(one: WritingClient, name: string, server: string): Promise<void> {
    const bytes = FILES[name] ?? Buffer.from('no such file');
    const local = join(files.path, 'got', `put-${count}`);
    await writeFile(local, bytes);
    const folder = `from-${count++}`;
    const { output } = await execOn(client, one.put(local, `${folder}/config`, server), 60_000);
    const said = output + (await log()).split('\n').slice(-4).join('\n');
    const stored = join(files.path, 'data/uploads', folder);
    expect(await readdir(stored).catch(() => []), said).toEqual(['config']);
    const got = await readFile(join(stored, 'config'));
    expect({ bytes: got.length, hash: hashOf(got) }, said).toEqual({ bytes: bytes.length, hash: hashOf(bytes) });
    await rm(local, { force: true });
  }

  describe.each(WRITING_CLIENTS)('$name', (one) => {
    const small = one.netascii ? 'interop/note' : 'interop/config';
    test.each(one.netascii ? [small] : [small, 'interop/full'])('T-35 T-40 writes %s whole', (name) =>
      expectWritten(one, name, SERVER),
    );

    // As above: its own timer may give up, and then nothing is left of it.
    test.each(RELAYS)('T-36 T-39 writes whole through a relay that loses $loss', { retry: 2 }, ({ address }) =>
      expectWritten(one, small, address),
    );
  });

  describe.each(INTEROP_CLIENTS_OF_IPV6)('$name', (one) => {
    test.each([GLOBAL6, LINK6])('T-54 T-14 reads from %s, in blocks that fit the wire', async (address) => {
      await expectRead(one, 'interop/kernel', address);
      const blksize = one.name.includes('8192') ? 1448 : 512;
      // The client is done before the server has heard of it and written it down.
      await expect.poll(lastRead).toMatchObject({ path: 'interop/kernel', detail: { localAddress: address, blksize } });
    });

    test('T-54 reads from a link-local address by the portable door', () =>
      expectRead(one, 'interop/kernel', PORTABLE_LINK6));
  });
});

async function addAddress(station: Station, address: string): Promise<void> {
  const flags = address.includes(':') ? ['nodad'] : [];
  await station.run('ip', ['address', 'add', address, 'dev', 'lan0', ...flags]);
}

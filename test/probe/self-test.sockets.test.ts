/** The self test of the TFTP door: what it says of a door that works, and of each way it may not. */
import { createSocket } from 'node:dgram';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BootEvent } from '../../src/boot/event.ts';
import { createSelfTest } from '../../src/probe/self-test.ts';
import { createTftpServer, type TftpServerDeps } from '../../src/tftp/server.ts';
import { openDgramListener } from '../support/dgram-listener.ts';

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** @param patienceMs long where an answer comes, however busy the machine is; short where none will */
function selfTest(patienceMs = 2000) {
  const events: BootEvent[] = [];
  const deps = {
    open: async () => ({ kind: 'absent', reason: 'nothing' }) as const,
    record: (event: BootEvent) => events.push(event),
    log: quiet,
    token: 'secret',
    now: () => 0,
  };
  return { events, test: createSelfTest({ ...deps, patienceMs }) };
}

async function appliance(settings: TftpServerDeps['settings'], addresses = ['127.0.0.1', '127.0.0.2']) {
  const { events, test } = selfTest();
  const server = createTftpServer({
    openListener: openDgramListener,
    open: test.open,
    findMac: () => undefined,
    record: test.record,
    log: quiet,
    now: () => 0,
    settings: { port: 0, ...settings },
  });
  onTestFinished(() => server.close());
  await server.setAddresses(addresses.map((address) => ({ address })));
  return { events, test, server };
}

/** Something else on the port; answers each datagram with what `answer` makes, from `from`. */
async function impostor(answer: ((bytes: Buffer) => Buffer) | undefined, from = '127.0.0.1'): Promise<number> {
  const sockets = await Promise.all(
    ['127.0.0.1', from].map(async (address) => {
      const socket = createSocket('udp4');
      await new Promise<void>((resolve) => socket.bind(0, address, resolve));
      onTestFinished(() => void socket.close());
      return socket;
    }),
  );
  sockets[0]?.on('message', (bytes, peer) => {
    if (answer) sockets[1]?.send(answer(bytes), peer.port, peer.address);
  });
  return sockets[0]?.address().port ?? 0;
}

describe('T-74 the self test', () => {
  it.each([
    ['from ports of their own', {}],
    ['from one port', { singlePort: true }],
    ['from a range', { portRange: { first: 42_000, last: 42_010 } }],
    ['to listed networks only', { allow: [] }],
  ])('finds nothing where transfers come %s, and leaves no event', async (_, settings) => {
    const { test, server, events } = await appliance(settings);
    await test.run(server.listeners());
    expect(test.shortfalls()).toEqual([]);
    expect(server.counters().requests).toBe(2);
    expect(events).toEqual([]);
    await test.run(server.listeners());
    expect(server.counters().requests).toBe(2);
  });

  it.each([
    ['requests do not arrive', undefined, '127.0.0.1', 'let UDP through to this port'],
    [
      'ERROR 1 "no such file"',
      () => Buffer.from('\0\u0005\0\u0001no such file\0'),
      '127.0.0.1',
      'another server has this port',
    ],
    ['the answer came from 127.0.0.3', () => Buffer.from('\0\u0003\0\u0001x'), '127.0.0.3', 'machines drop'],
    ['other bytes came', () => Buffer.from('\0\u0003\0\u0001x'), '127.0.0.1', 'proxy'],
  ])('says: %s', async (what, answer, from, fix) => {
    const { test } = selfTest(answer ? 2000 : 50);
    await test.run([{ address: '127.0.0.1', port: await impostor(answer, from) }]);
    expect(test.shortfalls()).toEqual([{ what: expect.stringContaining(what), fix: expect.stringContaining(fix) }]);
  });

  it('tells a lost answer from a lost request', async () => {
    const { test } = selfTest(250);
    const port = await impostor((bytes) => {
      const path = bytes.toString('latin1', 2).split('\0')[0] ?? '';
      test.open(path, { ip: '127.0.0.1', transport: 'tftp', localAddress: '127.0.0.1' });
      return Buffer.alloc(0);
    });
    await test.run([{ address: '127.0.0.1', port }]);
    expect(test.shortfalls()[0]?.what).toContain('requests arrive, but no answer comes back');
    expect(test.shortfalls()[0]?.fix).toContain('tftp.singlePort');
    await test.run([]);
    expect(test.shortfalls()).toEqual([]);
  });
});

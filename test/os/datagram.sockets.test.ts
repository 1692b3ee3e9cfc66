import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Ipv4 } from '../../src/net/ipv4.ts';
import type { Mac } from '../../src/net/mac.ts';
import type { SendTarget } from '../../src/os/datagram.ts';
import { type Agent, startAgent } from '../support/agent.ts';
import { canCreateNamespaces, createLan, ip, type Lan } from '../support/netns.ts';

const PREFIX = 'os-sockets-dgram';
const LIMITED = '255.255.255.255';
const isAble = canCreateNamespaces();
if (!isAble) console.warn('SKIPPED: sockets between namespaces, which need root and the ip command');

/** `server` stands on two LANs (eth0, eth1), with a client on each. */
describe.skipIf(!isAble)('a server on two LANs', () => {
  let one: Lan;
  let two: Lan;

  beforeAll(async () => {
    one = await createLan({ prefix: PREFIX, hosts: ['server', 'client'], subnet: '10.91.1.0/24' });
    two = await createLan({
      prefix: PREFIX,
      hosts: [{ name: 'server', joins: one.host('server') }, 'client'],
      subnet: '10.91.2.0/24',
    });
  });
  afterAll(async () => {
    await two?.close();
    await one?.close();
  });

  const both = [
    { interface: 'eth0', address: '10.91.1.1', port: 67 },
    { interface: 'eth1', address: '10.91.2.1', port: 67 },
  ];

  it('hears a broadcast only on its own interface with the device maker', async () => {
    await using server = await startAgent(one, 'server', { maker: 'device', sockets: both });
    expect(await server.next('maker')).toMatchObject({ maker: 'device' });
    await sendFrom(two, '10.91.2.2', LIMITED, 'from two');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth1:67', text: 'from two', ingress: 'known' });
    await sendFrom(one, '10.91.1.2', LIMITED, 'from one');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth0:67', text: 'from one', from: '10.91.1.2:68' });
    await sendFrom(one, '10.91.1.2', '10.91.1.255', 'directed');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth0:67', text: 'directed' });
    await sendFrom(one, '10.91.1.2', '10.91.1.1', 'unicast');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth0:67', text: 'unicast' });
    expect(server.all('datagram')).toHaveLength(4);
    expect(server.all('error')).toEqual([]);
  });

  it('tells a shared broadcast from known unicast with the portable maker', async () => {
    await using server = await startAgent(one, 'server', { maker: 'portable', sockets: both });
    await sendFrom(one, '10.91.1.2', LIMITED, 'shared');
    const heard = [await server.next('datagram'), await server.next('datagram')];
    expect(heard.map(({ on, ingress }) => `${on} ${ingress}`).sort()).toEqual(['eth0:67 shared', 'eth1:67 shared']);
    await sendFrom(one, '10.91.1.2', '10.91.1.1', 'unicast');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth0:67', text: 'unicast', ingress: 'known' });
    await sendFrom(two, '10.91.2.2', '10.91.2.255', 'directed');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth1:67', text: 'directed', ingress: 'known' });

    server.tell({ do: 'close', interface: 'eth1', port: 67 });
    await server.next('closed');
    await sendFrom(one, '10.91.1.2', LIMITED, 'alone');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth0:67', text: 'alone', ingress: 'known' });
    expect(server.all('datagram')).toHaveLength(5);
  });

  it.each(['device', 'portable'] as const)('broadcasts out of the right interface: %s', async (maker) => {
    await using server = await startAgent(one, 'server', { maker, sockets: both });
    await using client = await startAgent(two, 'client', {
      maker: 'device',
      sockets: [{ interface: 'eth0', address: '10.91.2.2', port: 68 }],
    });
    await using stranger = await startAgent(one, 'client', {
      maker: 'device',
      sockets: [{ interface: 'eth0', address: '10.91.1.2', port: 68 }],
    });
    send(server, 'eth1', { kind: 'broadcast', port: 68 }, 'offer');
    expect(await server.next('sent')).toMatchObject({ by: 'broadcast' });
    expect(await client.next('datagram')).toMatchObject({ text: 'offer', from: '10.91.2.1:67' });
    send(server, 'eth0', { kind: 'broadcast', port: 68 }, 'offer');
    expect(await stranger.next('datagram')).toMatchObject({ text: 'offer', from: '10.91.1.1:67' });
    expect(client.all('datagram')).toHaveLength(1);
    expect(stranger.all('datagram')).toHaveLength(1);
  });

  it('answers from the address it was opened with when the interface has two', async () => {
    await one.run('server', ['ip', 'address', 'add', '10.91.1.7/24', 'dev', 'eth0']);
    await using server = await startAgent(one, 'server', {
      maker: 'device',
      sockets: [{ interface: 'eth0', address: '10.91.1.7', port: 67 }],
    });
    await using client = await startAgent(one, 'client', {
      maker: 'device',
      sockets: [{ interface: 'eth0', address: '10.91.1.2', port: 68 }],
    });
    const targets: SendTarget[] = [
      { kind: 'broadcast', port: 68 },
      { kind: 'address', address: '10.91.1.2' as Ipv4, port: 68 },
      { kind: 'hardware', address: '10.91.1.2' as Ipv4, mac: one.host('client').mac, port: 68 },
    ];
    for (const target of targets) {
      send(server, 'eth0', target, target.kind);
      expect(await client.next('datagram')).toMatchObject({ text: target.kind, from: '10.91.1.7:67' });
    }
    await one.run('server', ['ip', 'address', 'del', '10.91.1.7/24', 'dev', 'eth0']);
  });

  it('reads what piled up while it was busy whole and in order, each with its sender', async () => {
    await using server = await startAgent(one, 'server', { maker: 'device', sockets: both });
    const texts = Array.from({ length: 300 }, (_, n) => `${n}`.padEnd(1 + ((n * 37) % 300), '.'));
    server.hold(true);
    await sendFrom(one, '10.91.1.2', '10.91.1.1', ...texts);
    server.hold(false);
    await expect.poll(() => server.all('datagram').length, { timeout: 10_000 }).toBe(texts.length);
    expect(server.all('datagram').map(({ text }) => text)).toEqual(texts);
    expect(new Set(server.all('datagram').map(({ from }) => from))).toEqual(new Set(['10.91.1.2:68']));
    await sendFrom(one, '10.91.1.2', LIMITED, 'and on');
    await expect.poll(() => server.all('datagram').at(-1)).toMatchObject({ text: 'and on', ingress: 'known' });
    expect(server.all('error')).toEqual([]);
  });

  it('uses the sockets a service manager passed', async () => {
    await using server = await startPassed(one, 'eth0', 'server');
    expect(await server.next('maker')).toMatchObject({ maker: 'inherited' });
    expect(await server.next('opened')).toMatchObject({ interface: 'eth0', port: 67, unicast: 'packet' });
    expect(await server.next('error')).toMatchObject({ code: 'interface-missing' });
    await sendFrom(one, '10.91.1.2', LIMITED, 'hello');
    expect(await server.next('datagram')).toMatchObject({ on: 'eth0:67', text: 'hello', ingress: 'known' });
    await sendFrom(two, '10.91.2.2', LIMITED, 'elsewhere');
    server.tell({ do: 'close', interface: 'eth0', port: 67 });
    await server.next('closed');
    server.tell({ do: 'open', socket: { interface: 'eth0', address: '10.91.1.1', port: 67 } });
    await server.next('opened');
    await sendFrom(one, '10.91.1.2', LIMITED, 'again');
    expect(await server.next('datagram')).toMatchObject({ text: 'again' });
    expect(server.all('datagram')).toHaveLength(2);
  });
});

describe.skipIf(!isAble)('a client without an address', () => {
  const newcomer = '10.91.3.77' as Ipv4;
  let lan: Lan;

  beforeAll(async () => {
    lan = await createLan({
      prefix: PREFIX,
      hosts: ['server', { name: 'client', address: false }],
      subnet: '10.91.3.0/24',
    });
  });
  afterAll(() => lan?.close());

  it.each([
    { rights: 'net_bind_service,net_raw', unicast: 'packet', by: 'packet', frame: '02:00:00:03:00:02' },
    { rights: 'net_bind_service,net_admin', unicast: 'arp', by: 'arp', frame: '02:00:00:03:00:02' },
    { rights: 'net_bind_service', unicast: 'broadcast', by: 'broadcast', frame: 'ff:ff:ff:ff:ff:ff' },
  ])('is reached by $by with $rights', async ({ rights, unicast, by, frame }) => {
    const setup = { maker: 'device', sockets: [{ interface: 'eth0', address: '10.91.3.1', port: 67 }] } as const;
    await using server = await startAgent(lan, 'server', setup, withOnly(rights));
    expect(await server.next('maker')).toMatchObject({ maker: 'device' });
    expect(await server.next('opened')).toMatchObject({ unicast });
    const frames = await watchFrames(lan);
    const mac = lan.host('client').mac as Mac;
    send(server, 'eth0', { kind: 'hardware', address: newcomer, mac, port: 68 }, 'OFFER');
    expect(await server.next('sent')).toMatchObject({ by });
    const seen = await frames.first;
    expect(seen).toContain(`02:00:00:03:00:01 > ${frame}`);
    expect(seen).toMatch(/10\.91\.3\.1\.67 > (10\.91\.3\.77|255\.255\.255\.255)\.68: /);
    if (by === 'packet') expect(seen).toContain('[udp sum ok]');
    expect(server.all('error')).toEqual([]);
  });

  it('gets a datagram too large for one frame by broadcast in fragments', async () => {
    await using server = await startAgent(lan, 'server', {
      maker: 'device',
      sockets: [{ interface: 'eth0', address: '10.91.3.1', port: 67 }],
    });
    const mac = lan.host('client').mac as Mac;
    const target: SendTarget = { kind: 'hardware', address: '10.99.0.1' as Ipv4, mac, port: 68 };
    send(server, 'eth0', target, 'x'.repeat(2000));
    expect(await server.next('sent')).toMatchObject({ by: 'broadcast' });
    expect(server.all('error')).toEqual([]);
  });

  it('is told of port 67 without the right for it', async () => {
    const setup = { maker: 'device', sockets: [{ interface: 'eth0', address: '10.91.3.1', port: 67 }] } as const;
    await using server = await startAgent(lan, 'server', setup, withOnly(''));
    const error = await server.next('error');
    expect(error.code).toBe('port-denied');
    expect(error.message).toContain('UDP port 67 on eth0');
    expect(error.message).toContain('setcap cap_net_bind_service,cap_net_raw+ep');
    expect(error.message).toContain('AmbientCapabilities=');
    expect(error.message).toContain('cap_add: [NET_BIND_SERVICE, NET_RAW]');
  });
});

/** As an unprivileged user with these capabilities and no others but reading this directory, wherever it lies. */
function withOnly(rights: string): string[] {
  const list = [
    '-all',
    ...`${rights},dac_read_search`
      .split(',')
      .filter(Boolean)
      .map((right) => `+${right}`),
  ].join(',');
  return [
    'setpriv',
    '--reuid=65534',
    '--regid=65534',
    '--clear-groups',
    `--inh-caps=${list}`,
    `--ambient-caps=${list}`,
  ];
}

function send(agent: Agent, device: string, target: SendTarget, text: string): void {
  agent.tell({ do: 'send', interface: device, port: 67, target, text });
}

/** Datagrams from the host `client`, port 68, to port 67, one after another. */
async function sendFrom(lan: Lan, source: string, destination: string, ...texts: string[]): Promise<void> {
  const program = `
    const socket = require('node:dgram').createSocket('udp4');
    socket.bind(68, ${JSON.stringify(source)}, () => {
      socket.setBroadcast(true);
      const send = ([text, ...rest]) => socket.send(text, 67, ${JSON.stringify(destination)}, () => rest.length > 0 ? send(rest) : socket.close());
      send(${JSON.stringify(texts)});
    });`;
  await lan.run('client', [process.execPath, '-e', program]);
}

/** tcpdump on the client's interface: the first frame to port 68, with its link-level header and checksum verdict. */
async function watchFrames(lan: Lan): Promise<{ first: Promise<string> }> {
  const child = lan.spawn('client', ['tcpdump', '-enlvv', '-c1', '-i', 'eth0', 'udp', 'dst', 'port', '68']);
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += String(chunk);
  });
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk) => {
      if (String(chunk).includes('listening on')) resolve();
    });
  });
  return {
    first: new Promise((resolve) => {
      child.once('close', () => resolve(text));
      setTimeout(() => child.kill(), 20_000).unref();
    }),
  };
}

/** Opens port 67 on a device as a service manager does, and hands it over as descriptor 3 under the interface's name. */
async function startPassed(lan: Lan, device: string, host: string): Promise<Agent> {
  const sockets = [
    { interface: device, address: lan.host(host).address, port: 67 },
    { interface: device, address: lan.host(host).address, port: 4011 },
  ];
  const manager = fileURLToPath(new URL('../support/service-manager.ts', import.meta.url));
  return startAgent(lan, host, { sockets }, [process.execPath, '--no-warnings', manager, device, '67']);
}

it.skipIf(!isAble)('reports an interface that goes away and works again when it is back', async () => {
  await using lan = await createLan({ prefix: PREFIX, hosts: ['server', 'client'], subnet: '10.91.4.0/24' });
  const own = { interface: 'eth0', address: '10.91.4.1', port: 67 };
  await using server = await startAgent(lan, 'server', { maker: 'device', sockets: [own], watchEveryMs: 100 });
  const { namespace } = lan.host('server');

  await ip('-n', namespace, 'link', 'delete', 'eth0');
  expect(await server.next('change')).toMatchObject({ change: 'removed', interface: 'eth0' });
  send(server, 'eth0', { kind: 'broadcast', port: 68 }, 'lost');
  const error = await server.next('error');
  expect(error).toMatchObject({ code: 'interface-missing' });
  expect(error.message).toContain('The interface eth0');
  server.tell({ do: 'close', interface: 'eth0', port: 67 });
  await server.next('closed');
  server.tell({ do: 'open', socket: own });
  expect(await server.next('error')).toMatchObject({ code: 'interface-missing' });

  const bridge = namespace.replace(/-server$/, '-bridge');
  await ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'again', 'netns', bridge);
  await ip('-n', bridge, 'link', 'set', 'again', 'master', 'br0', 'up');
  await ip('-n', namespace, 'address', 'add', '10.91.4.1/24', 'dev', 'eth0');
  await ip('-n', namespace, 'link', 'set', 'eth0', 'up');
  expect(await server.next('change')).toMatchObject({ change: 'added', interface: 'eth0' });
  server.tell({ do: 'open', socket: own });
  await server.next('opened');
  server.tell({ do: 'open', socket: { ...own, port: 4011 } });
  await server.next('opened');
  await sendFrom(lan, '10.91.4.2', LIMITED, 'back');
  expect(await server.next('datagram')).toMatchObject({ on: 'eth0:67', text: 'back' });
});

it.skipIf(!isAble)('reports an address that was taken away, and sends again when it is back', async () => {
  await using lan = await createLan({ prefix: PREFIX, hosts: ['server', 'client'], subnet: '10.91.7.0/24' });
  const own = { interface: 'eth0', address: '10.91.7.1', port: 67 };
  await using server = await startAgent(lan, 'server', { maker: 'portable', sockets: [own], watchEveryMs: 100 });
  const { namespace } = lan.host('server');
  await ip('-n', namespace, 'address', 'flush', 'dev', 'eth0');
  expect(await server.next('change')).toMatchObject({ change: 'changed', parts: ['addresses'] });
  send(server, 'eth0', { kind: 'broadcast', port: 68 }, 'lost');
  expect(await server.next('error')).toMatchObject({ code: 'interface-missing' });

  await ip('-n', namespace, 'address', 'add', '10.91.7.1/24', 'brd', '+', 'dev', 'eth0');
  expect(await server.next('change')).toMatchObject({ change: 'changed', parts: ['addresses'] });
  await using client = await startAgent(lan, 'client', {
    maker: 'device',
    sockets: [{ interface: 'eth0', address: '10.91.7.2', port: 68 }],
  });
  send(server, 'eth0', { kind: 'broadcast', port: 68 }, 'back');
  expect(await client.next('datagram')).toMatchObject({ text: 'back', from: '10.91.7.1:67' });
});

it.skipIf(!isAble)('shares the port with a server that shares it too', async () => {
  await using lan = await createLan({ prefix: PREFIX, hosts: ['server', 'client'], subnet: '10.91.8.0/24' });
  const own = { interface: 'eth0', address: '10.91.8.1', port: 67, share: true };
  for (const maker of ['device', 'portable'] as const) {
    await using first = await startAgent(lan, 'server', { maker, sockets: [own] });
    await using second = await startAgent(lan, 'server', { maker, sockets: [own] });
    await sendFrom(lan, '10.91.8.2', LIMITED, 'to both');
    expect(await first.next('datagram')).toMatchObject({ text: 'to both' });
    expect(await second.next('datagram')).toMatchObject({ text: 'to both' });
    expect([...first.all('error'), ...second.all('error')]).toEqual([]);
  }
});

it.skipIf(!isAble)('names the program that holds the port', async () => {
  await using lan = await createLan({ prefix: PREFIX, hosts: ['server'], subnet: '10.91.5.0/24' });
  const own = { interface: 'eth0', address: '10.91.5.1', port: 67 };
  await using first = await startAgent(lan, 'server', { maker: 'device', sockets: [own] });
  expect(await first.next('opened')).toMatchObject({ port: 67 });
  for (const maker of ['device', 'portable'] as const) {
    await using second = await startAgent(lan, 'server', { maker, sockets: [own] });
    const error = await second.next('error');
    expect(error.code).toBe('port-in-use');
    expect(error.message).toMatch(/UDP port 67 on eth0, 10\.91\.5\.1 is in use by \S+ \(process \d+\)\. Stop it/);
  }
});

it.skipIf(!isAble)('answers from the local address that was asked', async () => {
  await using lan = await createLan({ prefix: PREFIX, hosts: ['server', 'client'], subnet: '10.91.6.0/24' });
  await lan.run('server', ['ip', 'address', 'add', '10.91.6.9/24', 'dev', 'eth0']);
  const listeners = ['10.91.6.1', '10.91.6.9'].map((address) => ({ address, port: 69 }));
  await using server = await startAgent(lan, 'server', { listeners });
  expect(await server.next('opened')).toMatchObject({ interface: '10.91.6.1', port: 69 });
  // Root has CAP_NET_ADMIN here, so the kernel gives what was asked, doubled, whatever net.core.rmem_max says.
  expect((await server.next('opened')).receiveBufferBytes).toBe(16 << 20);
  for (const address of ['10.91.6.9', '10.91.6.1']) {
    const program = `
      const socket = require('node:dgram').createSocket('udp4');
      socket.once('message', (bytes, from) => { console.log(String(bytes), from.address); socket.close(); });
      socket.send('RRQ', 69, '${address}');`;
    expect(await lan.run('client', [process.execPath, '-e', program], { timeoutMs: 20_000 })).toBe(
      `answer ${address}\n`,
    );
  }
});

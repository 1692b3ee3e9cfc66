import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { canCreateNamespaces, createLan } from './netns.ts';

const PREFIX = 'os-sockets-netns';
const left = () => readdirSync('/run/netns').filter((name) => name.startsWith(`${PREFIX}-${process.pid}-`));

it.skipIf(!canCreateNamespaces())('joins hosts by a bridge and leaves nothing behind', async () => {
  {
    await using lan = await createLan({ prefix: PREFIX, hosts: ['server', { name: 'client', address: false }] });
    expect(lan.host('server')).toMatchObject({ interface: 'eth0', address: '10.91.1.1', mac: '02:00:00:01:00:01' });
    expect(lan.host('client').address).toBe('');
    await lan.run('client', ['ip', 'addr', 'add', '10.91.1.9/24', 'dev', 'eth0']);
    expect(await lan.run('client', ['busybox', 'ping', '-c1', '-W2', '10.91.1.1'])).toContain('1 packets received');
    expect((await lan.exec('client', ['false'])).code).toBe(1);
    lan.spawn('server', ['sleep', '60']);
    await lan.addTap('boot0');
    expect(await lan.run('bridge', ['ip', '-o', 'link', 'show', 'master', 'br0'])).toContain('boot0');
    expect(left()).toHaveLength(3);
  }
  expect(left()).toHaveLength(0);
});

it.skipIf(!canCreateNamespaces())('puts one host on two LANs', async () => {
  await using one = await createLan({ prefix: PREFIX, hosts: ['server'], subnet: '10.91.1.0/24' });
  await using two = await createLan({
    prefix: PREFIX,
    hosts: [{ name: 'server', joins: one.host('server') }, 'client'],
    subnet: '10.91.2.0/24',
  });
  expect(two.host('server')).toMatchObject({ interface: 'eth1', address: '10.91.2.1' });
  expect(await two.run('client', ['busybox', 'ping', '-c1', '-W2', '10.91.2.1'])).toContain('1 packets received');
});

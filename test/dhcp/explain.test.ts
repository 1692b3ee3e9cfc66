import { expect, it } from 'vitest';
import { type ExplainQuestion, explain, explainPacket } from '../../src/dhcp/explain.ts';
import { encodeReply } from '../../src/dhcp/reply.ts';
import { CLIENTS, ipv4, mac, makeWorld, request, START } from '../support/dhcp-world.ts';

function ask(question: Omit<ExplainQuestion, 'mac'>, world = makeWorld()) {
  return explain({ mac: mac(1), ...question }, { ...world, now: START });
}

it('D-95: shows the reply in words and in hex, with the rules that led to it and where it goes', () => {
  const explanation = ask({ archCodes: [7] });
  expect(explanation.request[0]).toBe('DISCOVER 52:54:00:77:00:01 xid 1dea1dea PXEClient arch 7 (0x07) x64 UEFI');
  expect(explanation.reply?.lines[0]).toContain('OFFER 52:54:00:77:00:01');
  expect(explanation.reply?.lines.join('\n')).toContain('ipxe/snponly.efi');
  expect(explanation.reply?.hex).toMatch(/^02010600/);
  expect(explanation.reply?.target).toEqual({ kind: 'hardware', address: '10.77.0.100', mac: mac(1), port: 68 });
  expect(explanation.decision?.rules.map(({ rule }) => rule)).toContain('unknown machines');
});

it.each([
  ['iPXE', { kind: 'ipxe', archCodes: [0] }, 'http://10.77.0.1:8080/ipxe/52-54-00-77-00-01.ipxe'],
  ['HTTP firmware', { kind: 'http', archCodes: [16] }, 'http://10.77.0.1:8080/ipxe/snponly.efi'],
  ['a vendor class of its own', { vendorClass: 'PXEClient:Arch:00000:UNDI:002001' }, 'ipxe/undionly.kpxe'],
  ['the system', { kind: 'other' }, ''],
] as const)('speaks for %s', (_, question, file) => {
  expect(ask(question).reply?.packet.file).toBe(file);
});

it('tells why there is no answer', () => {
  const world = makeWorld({ network: { mode: 'proxy', pools: [] } });
  expect(ask({ kind: 'other' }, world)).toMatchObject({
    reason: expect.stringContaining('a proxy answers boot clients only'),
  });
  expect(ask({ kind: 'other' }, world).reply).toBeUndefined();
});

it('follows a client to port 4011 and through a relay', () => {
  const world = makeWorld({ network: { mode: 'proxy', pools: [] } });
  expect(ask({ archCodes: [7], bootService: true }, world).reply?.packet.file).toBe('ipxe/snponly.efi');
  expect(ask({ archCodes: [7], giaddr: ipv4('10.77.0.254') }, world).reply?.target).toEqual({
    kind: 'address',
    address: '10.77.0.254',
    port: 67,
  });
});

it('shows what a machine gets that chose a line of the firmware’s menu', () => {
  const pxeMenu = {
    items: [
      { title: 'iPXE', loader: 'ipxe' },
      { title: 'Old kernels', loader: 'pxelinux' },
    ],
  };
  const world = makeWorld({ network: { pxeMenu } });
  expect(ask({ archCodes: [0] }, world).reply?.lines.join('\n')).toContain('9 boot-menu: type 32768 "iPXE"');
  expect(ask({ archCodes: [0], item: 32_769 }, world).reply?.packet.file).toBe('pxelinux.0');
  expect(ask({ archCodes: [0], item: 7 }, world).reason).toContain('item 7');
});

it('changes nothing: neither offers nor leases', () => {
  const world = makeWorld();
  for (let n = 0; n < 30; n++) explain({ mac: mac(n), archCodes: [7] }, { ...world, now: START });
  expect(explain({ mac: mac(99) }, { ...world, now: START }).reply?.packet.yiaddr).toBe('10.77.0.100');
  const taken = request('REQUEST', { options: { 50: '10.77.0.100', 54: '10.77.0.1' } });
  expect(explainPacket(taken, { ...world, now: START }).outcome).toMatchObject({ kind: 'reply', message: 'ACK' });
  expect([...world.book.leases()]).toEqual([]);
});

it('D-96: gives the very bytes the wire would get', () => {
  const world = makeWorld();
  const asked = request('DISCOVER', { options: CLIENTS['BIOS ROM'] });
  const explained = explainPacket(asked, { ...world, now: START }).reply;
  const real = encodeReply(asked, world.reply(asked).packet).bytes;
  expect(explained?.hex).toBe(Buffer.from(real).toString('hex'));
});

import { describe, expect, it } from 'vitest';
import { planListeners } from '../../src/dhcp/listeners.ts';
import { eventOf } from '../../src/dhcp/report.ts';
import { buildSketch, networkOf } from '../support/catalogs.ts';
import { CLIENTS, ipv4, mac, makeWorld, request, SERVER, START, serve } from '../support/dhcp-world.ts';

const HOSTS = { web: { macs: [mac(1)], address: '10.77.0.5' } };
const PASSIVE = { pools: [] as string[] };
const MESSAGES = ['DISCOVER', 'REQUEST', 'INFORM', 'RELEASE', 'DECLINE', undefined] as const;

describe('a responder', () => {
  const hosts = { web: { ...HOSTS.web, profile: 'menu' } };
  const profiles = { menu: { kind: 'menu' } };
  const world = () => makeWorld({ network: { mode: 'responder', ...PASSIVE }, hosts, profiles });

  it('gives a host its reserved address, with all that belongs to it', () => {
    const lab = world();
    const offer = lab.reply(request('DISCOVER', { options: CLIENTS['UEFI x64'] }));
    expect(offer.packet).toMatchObject({ yiaddr: '10.77.0.5', siaddr: SERVER, file: 'ipxe/snponly.efi' });
    const ack = lab.reply(request('REQUEST', { options: { 50: '10.77.0.5', 54: SERVER } }));
    expect(ack).toMatchObject({ message: 'ACK', leases: [{ address: '10.77.0.5', state: 'bound' }] });
  });

  it('refuses its hosts other addresses, as a server does', () => {
    const wrong = request('REQUEST', { options: { 50: '10.77.0.9', 54: SERVER } });
    expect(world().reply(wrong).message).toBe('NAK');
  });

  it.each(MESSAGES)('hears nobody without a reservation: %s', (message) => {
    const stranger = request(message, { mac: mac(9), options: { 50: '10.77.0.100', 54: SERVER } });
    const asked = world().ask(stranger);
    expect(asked).toMatchObject({ kind: 'ignore', routine: true });
    expect(asked.reason).toBe('network "lab" answers machines with a reserved address only');
  });

  it('keeps the leases of its hosts across a restart', () => {
    const lease = {
      network: 'lab',
      address: ipv4('10.77.0.5'),
      mac: mac(2),
      state: 'bound' as const,
      startsAt: START - 1000,
      expiresAt: START + 60_000,
    };
    const lab = makeWorld({ network: { mode: 'responder', ...PASSIVE }, hosts: HOSTS, leases: [lease] });
    expect(lab.ask(request('DISCOVER'))).toMatchObject({ kind: 'ignore' });
  });
});

describe('an observer', () => {
  const world = () => makeWorld({ network: { mode: 'observe', ...PASSIVE }, hosts: HOSTS });

  it.each(MESSAGES)('answers nothing: %s', (message) => {
    const outcome = world().ask(request(message, { options: { ...CLIENTS['UEFI x64'], 50: '10.77.0.5' } }));
    expect(outcome.kind).toBe('observe');
  });

  it('records who asked, and what a boot server would say', () => {
    const lab = world();
    const asked = request('DISCOVER', { options: CLIENTS['UEFI x64'] });
    const event = eventOf(lab.ask(asked), asked, lab.served, { at: START, ms: 0 });
    expect(event).toMatchObject({ kind: 'dhcp.seen', mac: mac(1), host: 'web', detail: { arch: 'x64 UEFI' } });
    expect(event.summary).toContain('seen: DISCOVER: host "web" has no profile');
  });

  it('takes no address of the pool: the book stays empty', () => {
    const lab = world();
    lab.ask(request('DISCOVER', { options: { 50: '10.77.0.5' } }));
    expect([...lab.book.leases()]).toEqual([]);
    expect(lab.book.offered({ mac: mac(1) }, lab.now)).toBeUndefined();
  });
});

describe('the modes of a network', () => {
  it.each([
    ['server', ['eth0:67']],
    ['responder', ['eth0:67']],
    ['proxy', ['eth0:67 shared', 'eth0:4011 shared']],
    ['observe', ['eth0:67 shared']],
    ['off', []],
  ])('%s listens on %j', (mode, ports) => {
    const served = serve(networkOf('lab', { subnet: '10.1.0.0/24', mode }));
    expect(
      planListeners([served]).map(({ interface: name, port, share }) => `${name}:${port}${share ? ' shared' : ''}`),
    ).toEqual(ports);
  });

  it.each(['responder', 'proxy', 'observe'])('%s has no pools', (mode) => {
    const { problems } = buildSketch({
      networks: { lab: { subnet: '10.1.0.0/24', mode, pools: ['10.1.0.10-10.1.0.20'] } },
    });
    expect(problems).toMatchObject([{ path: ['pools'], advice: 'Remove the pools, or set "mode: server".' }]);
  });
});

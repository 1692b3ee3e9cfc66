/** Installers that ask for their answers by POST: Proxmox VE's, as it sends it. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { BootEvent } from '../../src/boot/event.ts';
import { createBootDoor } from '../../src/http/boot.ts';
import type { Mac } from '../../src/net/mac.ts';
import { talk } from './boot-fixtures.ts';
import { startRealHouse } from './real-house.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const LEASED = '52:54:00:aa:00:0b' as Mac;
const OTHER = '52:54:00:aa:00:0c' as Mac;
const vars =
  'vars: { disk: /dev/sda, domain: example.net, mailto: root@example.net, root_password_crypted: "$6$s$h" }\n';

/** System information as the installer's own documentation shows it. */
const sysinfo = (...macs: string[]) => ({
  $schema: { version: '1.0' },
  product: { fullname: 'Proxmox VE', product: 'pve', enable_btrfs: true },
  iso: { release: '8.4', isorelease: '1' },
  dmi: {
    system: {
      name: 'Standard PC (Q35 + ICH9, 2009)',
      serial: 'S-1',
      uuid: '11111111-2222-4333-8444-555555555555',
      sku: '',
    },
    baseboard: {},
    chassis: { asset_tag: 'rack 4', serial: '' },
  },
  network_interfaces: macs.map((mac, index) => ({ link: `enp${index}s0`, mac })),
});

async function startDoor(leased: Mac | 'nobody' = LEASED) {
  const house = await startRealHouse({
    'profiles/install-proxmox.yaml': read('profiles/install-proxmox.yaml'),
    'templates/proxmox/answer.toml.hbs': read('templates/proxmox/answer.toml.hbs'),
    'profiles/hosts/pve01.yaml': `macs: [${LEASED}]\nprofile: install-proxmox\n${vars}`,
    'profiles/hosts/pve02.yaml': `macs: [${OTHER}]\nprofile: install-proxmox\n${vars}`,
  });
  const events: BootEvent[] = [];
  const facts: unknown[] = [];
  const door = createBootDoor({
    open: house.core.open,
    takesPost: house.core.takesPost,
    findMac: () => (leased === 'nobody' ? undefined : leased),
    reports: {
      callback: async () => undefined,
      beacon: () => undefined,
      discover: (mac, told) => facts.push([mac, told]),
    },
    record: (event) => events.push(event),
    log: pino({ level: 'silent' }),
    now: Date.now,
  });
  onTestFinished(() => door.close());
  const { port } = await door.listen('127.0.0.1', 0);
  const post = (path: string, body: string | object, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${port}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  const arm = async (host: string) => (await house.ask('POST', `/hosts/${host}/arm`, { body: {} })).json();
  return { ...house, port, post, arm, events, facts };
}

describe('an answer by POST', () => {
  it('is what GET would give the machine behind the address, and spends its attempt', async () => {
    const { post, arm, events, facts, deployments } = await startDoor();
    await arm('pve01');
    const answer = await post('proxmox/answer.toml', sysinfo(LEASED));
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toContain('fqdn = "pve01.example.net"');
    expect(text).toMatch(/\[post-installation-webhook\]\nurl = "http:\/\/.*\/callback\/\S+\/succeeded"/);
    expect(deployments.find('pve01')).toMatchObject({ state: 'installing', spent: 1 });
    const smbios = { product: 'Standard PC (Q35 + ICH9, 2009)', serial: 'S-1', asset: 'rack 4' };
    expect(facts).toEqual([[LEASED, { smbios, uuid: '11111111-2222-4333-8444-555555555555' }]]);
    await expect
      .poll(() => events)
      .toMatchObject([{ kind: 'http.done', detail: { method: 'POST', saidMacs: [LEASED] } }]);
  });

  it('goes by the bytes as the installer writes them, without a body that ends by itself', async () => {
    const { port, arm } = await startDoor();
    await arm('pve01');
    const body = JSON.stringify(sysinfo(LEASED));
    const head = `POST /proxmox/answer.toml HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json; charset=utf-8\r\nAccept: */*\r\nConnection: close\r\n`;
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect(await talk(port, chunked)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*fqdn = "pve01\.example\.net"/);
    expect(await talk(port, `${head}Content-Length: ${body.length}\r\n\r\n${body}`)).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('is never for a machine that only the body names', async () => {
    const { post, arm, deployments, facts } = await startDoor('nobody');
    await arm('pve01');
    expect((await post('proxmox/answer.toml', sysinfo(LEASED))).status).toBe(405);
    expect(deployments.find('pve01')).toMatchObject({ state: 'armed', spent: 0 });
    // Of nobody nothing is noted.
    expect(facts).toEqual([]);
  });

  it('follows the MAC in the path before the lease, and the token before both', async () => {
    const { post, arm, deployments } = await startDoor();
    await arm('pve02');
    const named = `proxmox/${OTHER.replaceAll(':', '-')}/answer.toml`;
    expect(await (await post(named, sysinfo(LEASED))).text()).toContain('fqdn = "pve02.example.net"');
    await arm('pve01');
    deployments.notice('pve01', { kind: 'offer', at: Date.now(), to: 'firmware' });
    const token = deployments.tokenOf(deployments.find('pve01') ?? expect.fail('it is armed'));
    const bySigned = await post(`t/${token}/proxmox/answer.toml`, sysinfo(OTHER));
    expect(await bySigned.text()).toContain('fqdn = "pve01.example.net"');
    expect((await post(`t/${token}/${named}`, sysinfo(OTHER))).status).toBe(403);
  });

  it('is refused where a row does not take it, and nothing is spent', async () => {
    const { post, arm, deployments } = await startDoor();
    await arm('pve01');
    const refused = await post('boot/52-54-00-aa-00-0b.txt', sysinfo(LEASED));
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    expect((await post('rescue/linux', 'x')).status).toBe(405);
    expect(deployments.find('pve01')?.state).toBe('armed');
  });

  it.each([
    ['no JSON', 'no JSON at all'],
    ['JSON of another shape', '[1, {"network_interfaces": 7}]'],
    ['cards that are none', JSON.stringify({ network_interfaces: [7, { mac: 'x' }, null], dmi: 'y' })],
    ['nothing', ''],
  ])('comes also for a body that is %s: it teaches nothing', async (_, body) => {
    const { post, arm } = await startDoor();
    await arm('pve01');
    expect((await post('proxmox/answer.toml', body)).status).toBe(200);
  });

  it('is given up with the client that goes away while it tells: that is its fault and no bug of ours', async () => {
    const { port, arm, deployments, events } = await startDoor();
    await arm('pve01');
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('POST /proxmox/answer.toml HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"dmi"', () =>
      socket.end(),
    );
    await expect.poll(() => events).toMatchObject([{ kind: 'http.aborted', path: 'proxmox/answer.toml' }]);
    expect(deployments.find('pve01')).toMatchObject({ state: 'armed', spent: 0 });
  });

  it('takes no body without end, spends nothing by it, and takes no part of the answer for a range', async () => {
    const { post, arm, deployments } = await startDoor();
    await arm('pve01');
    const large = await post('proxmox/answer.toml', ' '.repeat(70 * 1024)).catch(() => undefined);
    expect(large?.status ?? 413).toBe(413);
    expect(deployments.find('pve01')).toMatchObject({ state: 'armed', spent: 0 });
    const whole = await post('proxmox/answer.toml', sysinfo(LEASED), { range: 'bytes=0-3' });
    expect(whole.status).toBe(200);
    expect((await whole.text()).length).toBeGreaterThan(100);
  });
});

/** The self test of a whole appliance behind a real packet filter, in a namespace of its own. */
import { execFileSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { canCreateNamespaces, createLan } from '../support/netns.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const SETTINGS = `
dhcp: {enabled: false}
tftp: {portRange: [40000, 40100]}
http: {enabled: false}
api: {enabled: false}
listen: [10.91.7.1, 127.0.0.1]
log: {level: error}
`;

function hasPacketFilter(): boolean {
  try {
    execFileSync('iptables', ['--version'], { stdio: 'ignore' });
    return canCreateNamespaces();
  } catch {
    return false;
  }
}

describe.runIf(hasPacketFilter())('T-74 behind a packet filter', { timeout: 60_000 }, () => {
  it.each([
    ['nothing is missing', [], undefined],
    [
      'the ports of transfers are missed',
      ['OUTPUT', '-p', 'udp', '-s', '10.91.7.1', '--sport', '40000:40100', '-j', 'DROP'],
      'TFTP on 10.91.7.1 port 69 does not answer this very machine: requests arrive, but no answer comes back',
    ],
    [
      'port 69 is missed',
      ['INPUT', '-p', 'udp', '-d', '10.91.7.1', '--dport', '69', '-j', 'DROP'],
      'TFTP on 10.91.7.1 port 69 does not answer this very machine: requests do not arrive',
    ],
  ])('%s', async (_, rule, said) => {
    const tree = temporaryTree({ 'hobnail.yaml': SETTINGS });
    for (const part of ['profiles', 'templates']) cpSync(`${ROOT}/${part}`, tree.at(part), { recursive: true });
    await using lan = await createLan({ prefix: 'tftp-habits', hosts: ['server'], subnet: '10.91.7.0/24' });
    if (rule.length > 0) await lan.run('server', ['iptables', '-A', ...rule]);
    const server = lan.spawn('server', [process.execPath, `${ROOT}/src/cli.ts`, 'serve'], { cwd: tree.root });
    const banner = await new Promise<string>((done, fail) => {
      let text = '';
      server.stderr.on('data', (bytes) => {
        text += bytes;
        if (/^ {2}Settings .*$[\s\S]*\n\n/m.test(text)) done(text);
      });
      server.once('exit', () => fail(new Error(`it ended with: ${text}`)));
    });
    expect(banner).toContain('10.91.7.1:69');
    if (said === undefined) expect(banner).not.toContain('does not answer');
    else expect(banner).toContain(said);
    expect(banner).not.toContain('TFTP on 127.0.0.1 port 69');
  });
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findPortHolder, parseSocketTable } from '../../src/os/port-holder.ts';

const HEAD =
  '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n';
const row = (port: string, uid: number, inode: number) =>
  `  123: 00000000:${port} 00000000:0000 07 00000000:00000000 00:00000000 00000000 ${uid}        0 ${inode} 2 0000000000000000 0\n`;

let proc: string;
beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'hobnail-proc-'));
  mkdirSync(join(proc, 'self/net'), { recursive: true });
});
afterEach(() => rmSync(proc, { recursive: true }));

function addProcess(pid: number, command: string, inode: number): void {
  mkdirSync(join(proc, `${pid}/fd`), { recursive: true });
  symlinkSync(`socket:[${inode}]`, join(proc, `${pid}/fd/5`));
  writeFileSync(join(proc, `${pid}/cmdline`), command);
}

it('reads the kernel’s socket table', () => {
  expect(parseSocketTable(HEAD + row('0043', 101, 777) + row('0FAB', 0, 778))).toEqual([
    { port: 67, uid: 101, inode: '777' },
    { port: 4011, uid: 0, inode: '778' },
  ]);
  expect(parseSocketTable('')).toEqual([]);
});

it('finds the process by its descriptor', () => {
  writeFileSync(join(proc, 'self/net/udp'), HEAD + row('0045', 0, 1) + row('0043', 101, 777));
  addProcess(811, '/bin/other\0', 1);
  addProcess(812, '/usr/sbin/dnsmasq\0--keep\0', 777);
  expect(findPortHolder(67, proc)).toBe('dnsmasq (process 812)');
  expect(findPortHolder(68, proc)).toBeUndefined();
});

it('finds a dual-stack socket in the IPv6 table, and names all holders but this process', () => {
  writeFileSync(join(proc, 'self/net/udp'), HEAD + row('0043', 0, 5));
  writeFileSync(join(proc, 'self/net/udp6'), HEAD + row('0043', 0, 6) + row('0043', 0, 7));
  addProcess(process.pid, '/usr/bin/node\0', 5);
  addProcess(20, '/opt/kea\0', 6);
  addProcess(21, '', 7);
  writeFileSync(join(proc, '21/comm'), 'dhcpd\n');
  expect(findPortHolder(67, proc)).toBe('kea (process 20) or dhcpd (process 21)');
});

it('names the user when the descriptors may not be read', () => {
  writeFileSync(join(proc, 'self/net/udp'), HEAD + row('0043', 101, 777));
  expect(findPortHolder(67, proc)).toBe('a process of user 101');
});

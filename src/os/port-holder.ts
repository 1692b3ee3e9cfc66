/** Who holds a UDP port, as far as this process may see (Linux: /proc/net/udp and the descriptors of other processes). */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

export interface SocketRow {
  readonly port: number;
  readonly uid: number;
  readonly inode: string;
}

/** Rows of /proc/net/udp or udp6: `sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …`. */
export function parseSocketTable(text: string): SocketRow[] {
  const rows: SocketRow[] = [];
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/);
    const port = /:([0-9A-F]{4})$/.exec(fields[1] ?? '')?.[1];
    const inode = fields[9];
    if (port && inode) rows.push({ port: Number.parseInt(port, 16), uid: Number(fields[7]), inode });
  }
  return rows;
}

/**
 * `dnsmasq (process 812)`, else `a process of user 101` when its descriptors may not be read; undefined when no socket
 * of this network namespace has the port. Several are joined by "or": each may hold it on another interface. Reads every process's descriptors: for error messages only.
 */
export function findPortHolder(port: number, proc = '/proc'): string | undefined {
  // A dual-stack IPv6 socket holds the IPv4 port too.
  const rows = ['udp', 'udp6'].flatMap((table) => parseSocketTable(readText(`${proc}/self/net/${table}`)));
  const held = rows.filter((row) => row.port === port);
  const [first] = held;
  if (!first) return undefined;
  const targets = new Set(held.map((row) => `socket:[${row.inode}]`));
  const holders = listDirectory(proc).filter((pid) => /^\d+$/.test(pid) && hasDescriptor(`${proc}/${pid}/fd`, targets));
  if (holders.length === 0) return `a process of user ${first.uid}`;
  // The port on other interfaces is usually this process's own and not what stands in the way.
  const others = holders.filter((pid) => pid !== String(process.pid));
  return (others.length > 0 ? others : holders)
    .map((pid) => `${programName(`${proc}/${pid}`)} (process ${pid})`)
    .join(' or ');
}

/** By its command line: the kernel's own name for a Node process is that of a thread. */
function programName(directory: string): string {
  const command = readText(`${directory}/cmdline`).split('\0')[0] ?? '';
  return basename(command) || readText(`${directory}/comm`).trim() || 'a program';
}

function hasDescriptor(directory: string, targets: ReadonlySet<string>): boolean {
  return listDirectory(directory).some((fd) => {
    try {
      return targets.has(readlinkSync(`${directory}/${fd}`));
    } catch {
      return false;
    }
  });
}

function listDirectory(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

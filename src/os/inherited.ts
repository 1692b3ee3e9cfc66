/**
 * Sockets opened by the service manager (systemd socket activation, sd_listen_fds(3)). One `.socket` unit a LAN:
 *
 *     [Socket]
 *     ListenDatagram=0.0.0.0:67
 *     ListenDatagram=0.0.0.0:4011
 *     BindToDevice=eth0
 *     FileDescriptorName=eth0
 *     Service=hobnail.service
 *
 * The descriptor's name is the interface's; the port is read from the kernel.
 */

import { readFileSync, readlinkSync } from 'node:fs';
import { parseSocketTable } from './port-holder.ts';

const FIRST_FD = 3;

export interface InheritedSocket {
  readonly fd: number;
  /** FileDescriptorName= of the unit: the interface. */
  readonly name: string;
}

export type Inheritance =
  | { readonly kind: 'sockets'; readonly sockets: readonly InheritedSocket[] }
  | { readonly kind: 'none'; readonly reason: string };

/** Reads LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES. A LISTEN_PID of another process means the sockets are not ours. */
export function parseInheritance(env: Readonly<Record<string, string | undefined>>, pid: number): Inheritance {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = env;
  if (LISTEN_FDS === undefined) return { kind: 'none', reason: 'the service manager passed no sockets' };
  if (LISTEN_PID !== String(pid))
    return { kind: 'none', reason: `LISTEN_PID is ${LISTEN_PID}, this is process ${pid}` };
  if (!/^[1-9]\d{0,3}$/.test(LISTEN_FDS)) return { kind: 'none', reason: `LISTEN_FDS is "${LISTEN_FDS}"` };
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  const count = Number(LISTEN_FDS);
  if (names.length !== count) {
    return {
      kind: 'none',
      reason: `${count} sockets came with ${names.length} names: set FileDescriptorName=<interface>`,
    };
  }
  return { kind: 'sockets', sockets: names.map((name, index) => ({ fd: FIRST_FD + index, name })) };
}

/** The local UDP port of an open IPv4 descriptor of this process; undefined when it is something else. */
export function udpPortOf(fd: number): number | undefined {
  try {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1];
    if (inode === undefined) return undefined;
    return parseSocketTable(readFileSync('/proc/self/net/udp', 'utf8')).find((row) => row.inode === inode)?.port;
  } catch {
    return undefined;
  }
}

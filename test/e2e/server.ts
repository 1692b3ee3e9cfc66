/** The boot server under test, behind one interface, so that a control can take its place. */

import type { GuestSystem } from '../../src/lab/kernel.ts';
import type { Lan, Station } from '../../src/lab/lan.ts';
import type { Mac } from '../../src/net/mac.ts';
import { startDnsmasq } from './dnsmasq.ts';

/** One machine as the inventory knows it. */
export interface TestHost {
  readonly name: string;
  readonly mac: Mac;
  readonly loader: 'ipxe' | 'pxelinux' | 'grub';
  /** Kernel arguments besides those of the guest system. */
  readonly args: readonly string[];
}

export interface ServerOptions {
  /** `server` gives addresses; `proxy` only boot information, beside another server on the wire. */
  readonly mode: 'server' | 'proxy';
  readonly hosts: readonly TestHost[];
  readonly guest: GuestSystem;
  /** For its files; exists and is empty. */
  readonly directory: string;
}

export interface BootServer {
  readonly station: Station;
  /** What it logged. */
  log(): Promise<string>;
  close(): Promise<void>;
}

export type StartServer = (lan: Lan, options: ServerOptions) => Promise<BootServer>;

/** Addresses on every test LAN. */
export const NET = {
  server: '10.77.0.1/24',
  plainDhcp: '10.77.0.2/24',
  report: '10.77.0.3/24',
  poolFirst: '10.77.0.100',
  poolLast: '10.77.0.199',
} as const;

/** `HOBNAIL_E2E_SERVER=dnsmasq` boots the same machines from Debian's dnsmasq: proof that a failure is not the harness's. */
export const startServer: StartServer = startDnsmasq;

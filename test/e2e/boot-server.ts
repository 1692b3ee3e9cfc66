/** What stands on a test LAN to boot machines: one interface for Hobnail and for the control that can take its place. */
import type { Appliance, LabHost } from '../../src/lab/appliance.ts';
import type { GuestSystem } from '../../src/lab/kernel.ts';
import type { Lan } from '../../src/lab/lan.ts';

export interface ServerOptions {
  /** `server` gives addresses; `proxy` only boot information, beside another server on the wire. */
  readonly mode: 'server' | 'proxy';
  readonly hosts: readonly LabHost[];
  readonly guest: GuestSystem;
  /** Images of the catalogue besides the usual loaders; a control has none. */
  readonly images: readonly string[];
  /** For its files; exists and is empty. */
  readonly directory: string;
}

export interface BootServer {
  /** What it logged. */
  log(): Promise<string>;
  /** Hobnail's own handle; absent for a control. */
  readonly appliance?: Appliance;
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

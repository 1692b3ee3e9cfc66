/** What happened to a machine: the one record shape behind logs, the store, SSE and the boot timeline. */
import type { Mac } from '../net/mac.ts';

export const EVENT_KINDS = [
  'dhcp.offer',
  'dhcp.ack',
  'dhcp.nak',
  'dhcp.ignored',
  'dhcp.seen',
  'dhcp.malformed',
  'dhcp.decline',
  'dhcp.release',
  'dhcp.conflict',
  'dhcp.foreign',
  'tftp.done',
  'tftp.probe',
  'tftp.absent',
  'tftp.refused',
  'tftp.aborted',
  'tftp.failed',
  'http.done',
  'http.absent',
  'http.refused',
  'http.aborted',
  'http.failed',
  'config.loaded',
  'config.changed',
  'config.rejected',
  'host.changed',
  'machine.seen',
  'deployment.moved',
  'deployment.beacon',
  'image.pulled',
  'image.failed',
  'image.removed',
  'server.started',
  'server.warning',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

/** `at` is wall time in milliseconds since 1970. */
export interface BootEvent {
  readonly at: number;
  readonly kind: EventKind;
  /** One plain sentence part: what was done and why. */
  readonly summary: string;
  readonly mac?: Mac;
  readonly ip?: string;
  readonly host?: string;
  readonly profile?: string;
  readonly network?: string;
  /** DHCP transaction id, eight hex digits. */
  readonly xid?: string;
  /** Path asked for, by TFTP or HTTP. */
  readonly path?: string;
  readonly bytes?: number;
  /** Duration in milliseconds. */
  readonly ms?: number;
  /** Anything more, small and plain. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** An event with its position in the stored order, for SSE's Last-Event-ID. */
export interface StoredEvent extends BootEvent {
  readonly id: number;
}

/** Records an event; never throws, never waits. */
export type RecordEvent = (event: BootEvent) => void;

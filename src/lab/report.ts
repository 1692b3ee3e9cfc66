/** What a guest says of itself when it is up: `key=value` lines it posts to the report station. */
import { type Mac, parseMac } from '../net/mac.ts';

export interface GuestReport {
  readonly mac: Mac;
  readonly address: string;
  /** The DHCP server that gave the address. */
  readonly server: string;
  /** Option 12, empty when none came. */
  readonly hostname: string;
  /** Seconds from the kernel's start to the report. */
  readonly uptimeSeconds: number;
  /** Whether the kernel says that Secure Boot is on. */
  readonly secureBoot: boolean;
  /** The kernel's command line, as one line. */
  readonly commandLine: string;
}

/** Parses a report; undefined when it is not one. */
export function parseReport(text: string): GuestReport | undefined {
  const fields = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1).trim());
  }
  const mac = parseMac(fields.get('mac') ?? '');
  const commandLine = fields.get('cmdline');
  if (!mac || commandLine === undefined) return undefined;
  return {
    mac,
    address: fields.get('ip') ?? '',
    server: fields.get('server') ?? '',
    hostname: fields.get('hostname') ?? '',
    uptimeSeconds: Number(fields.get('uptime') ?? Number.NaN),
    secureBoot: (fields.get('secureboot') ?? '0') !== '0',
    commandLine,
  };
}

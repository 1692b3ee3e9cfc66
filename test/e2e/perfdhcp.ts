/** Kea's load generator as a crowd of clients. */
import type { Station } from '../../src/lab/lan.ts';
import { execOn } from './serve.ts';

/** How many of each went out and came back. */
export interface CrowdResult {
  readonly offers: { readonly sent: number; readonly received: number };
  readonly acks: { readonly sent: number; readonly received: number };
}

/** @param args behind `-4`; the last is the server, unless an interface is named */
export async function perfdhcp(station: Station, ...args: readonly string[]): Promise<CrowdResult> {
  const { output } = await execOn(station, ['perfdhcp', '-4', ...args], 60_000);
  const part = (name: string) => {
    const text = output.split(`Statistics for: ${name}`)[1] ?? '';
    const number = (what: string) => Number(new RegExp(`^${what}: (\\d+)`, 'm').exec(text)?.[1] ?? Number.NaN);
    return { sent: number('sent packets'), received: number('received packets') };
  };
  const [offers, acks] = [part('DISCOVER-OFFER'), part('REQUEST-ACK')];
  if (Number.isNaN(acks.sent)) throw new Error(`perfdhcp gave no report:\n${output.slice(-2000)}`);
  return { offers, acks };
}

/**
 * What an installer says of its machine as it asks for its answers by POST. The shape is that of Proxmox VE's automatic installer
 * (https://pve.proxmox.com/wiki/Automated_Installation); of another shape nothing is learnt. Facts prove nothing.
 */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { type Mac, parseMac } from '../net/mac.ts';
import { cleanFact, cleanUuid, type ReportedFacts } from './boot-reports.ts';

export interface PostedFacts {
  readonly macs: readonly Mac[];
  readonly facts: ReportedFacts;
}

/** The installer sends some kilobytes. */
export const POST_MAX_BYTES = 64 * 1024;
/** No machine has more network cards than this. */
const MOST_MACS = 64;

const text = z.string().optional().catch(undefined);
const schema = z.object({
  dmi: z
    .object({
      system: z.object({ name: text, serial: text, uuid: text }).optional().catch(undefined),
      chassis: z.object({ asset_tag: text }).optional().catch(undefined),
    })
    .optional()
    .catch(undefined),
  network_interfaces: z.array(z.object({ mac: text }).catch({})).catch([]),
});

/** The whole body. @throws AppError `body-too-large` */
export async function readPosted(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  for await (const chunk of request) {
    total += (chunk as Buffer).length;
    if (total > POST_MAX_BYTES) throw new AppError('body-too-large', 'More than 64 KiB are not taken here.');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for what is no such JSON. */
export function readPostedFacts(body: string): PostedFacts | undefined {
  const parsed = schema.safeParse(parseJson(body));
  if (!parsed.success) return undefined;
  const { dmi, network_interfaces: cards } = parsed.data;
  const macs = cards.slice(0, MOST_MACS).flatMap(({ mac }) => (mac === undefined ? [] : (parseMac(mac) ?? [])));
  const [product, serial] = [cleanFact(dmi?.system?.name), cleanFact(dmi?.system?.serial)];
  const asset = cleanFact(dmi?.chassis?.asset_tag);
  const uuid = cleanUuid(dmi?.system?.uuid);
  const smbios = { ...(product && { product }), ...(serial && { serial }), ...(asset && { asset }) };
  return { macs: [...new Set(macs)], facts: { smbios, ...(uuid && { uuid }) } };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

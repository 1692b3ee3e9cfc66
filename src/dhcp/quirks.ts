/** A reply as some firmware needs it: the actions of quirks, applied last, to the packet and to the way it is sent. */
import type { QuirkActions } from '../boot/quirk.ts';
import type { Outcome, ReplyOutcome } from './exchange.ts';
import { BROADCAST_FLAG, type Packet } from './packet.ts';

const TFTP_SERVER = 66;
const BOOT_FILE = 67;
const CLIENT_ID = 61;

export function applyQuirks(outcome: Outcome): Outcome {
  const actions = outcome.decision?.quirks.actions;
  if (outcome.kind !== 'reply' || !actions || Object.keys(actions).length === 0) return outcome;
  const { packet, notes } = shapePacket(outcome, actions);
  return {
    ...outcome,
    packet,
    notes: [...outcome.notes, ...notes],
    ...(actions.delayMs !== undefined && actions.delayMs > 0 && { delayMs: actions.delayMs }),
  };
}

function shapePacket({ packet, message }: ReplyOutcome, actions: QuirkActions): { packet: Packet; notes: string[] } {
  const options = new Map(packet.options);
  const notes: string[] = [];
  const without = (codes: readonly number[], why: string) => {
    for (const code of codes) if (options.delete(code)) notes.push(`option ${code} is left out: ${why}`);
  };
  setNul(options, TFTP_SERVER, actions.nul66);
  setNul(options, BOOT_FILE, actions.nul67);
  if (actions.bootFields === 'header')
    without([TFTP_SERVER, BOOT_FILE], 'a quirk wants the boot file in the header only');
  if (actions.echoClientId === false) without([CLIENT_ID], 'a quirk says that the client takes no answer with it');
  if (actions.omit) without(actions.omit, 'by a quirk');
  const headerless = actions.bootFields === 'options' && options.has(BOOT_FILE) && message !== 'NAK';
  if (headerless) notes.push('the file is left out of the header: a quirk wants it in the options only');
  const shaped: Packet = {
    ...packet,
    options,
    ...(headerless && { file: '' }),
    ...(actions.broadcast && { flags: packet.flags | BROADCAST_FLAG }),
  };
  return { packet: shaped, notes };
}

function setNul(options: Map<number, Uint8Array>, code: number, wanted: boolean | undefined): void {
  const value = options.get(code);
  if (value === undefined || wanted === undefined) return;
  const bare = value.at(-1) === 0 ? value.subarray(0, -1) : value;
  options.set(code, wanted ? Uint8Array.of(...bare, 0) : bare);
}

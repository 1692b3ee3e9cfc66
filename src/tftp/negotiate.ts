/** Options asked → options accepted and the parameters of the transfer (RFC 2347, 2348, 2349, 7440 and tftp-hpa's own). */

/** Every option this server knows; the rest are left out of the OACK in silence. */
const OPTION_NAMES = ['blksize', 'blksize2', 'tsize', 'timeout', 'utimeout', 'windowsize', 'rollover'] as const;
type OptionName = (typeof OPTION_NAMES)[number];

/** What the operator allows. */
export interface NegotiationCaps {
  /** Largest block in bytes, 8–65464. */
  readonly blksizeMax: number;
  /** Most blocks in a window, 1–65535: u-root's client and others fail above 64. */
  readonly windowsizeMax: number;
  /** Most bytes in a window. */
  readonly windowBytesMax: number;
  /** Options to treat as unknown, for firmware that breaks on them. */
  readonly disabled: ReadonlySet<OptionName>;
}

export const DEFAULT_CAPS: NegotiationCaps = {
  blksizeMax: 65_464,
  windowsizeMax: 64,
  windowBytesMax: 4 * 1024 * 1024,
  disabled: new Set(),
};

/** What the transfer brings: its size as sent (netascii: translated) when known, and the path to the client. */
export interface NegotiationFacts {
  readonly size?: number | undefined;
  /** MTU of our interface in bytes; without it blocks are not fitted to the path. */
  readonly mtu?: number | undefined;
  readonly ipv6?: boolean;
}

interface TransferParameters {
  /** Payload of a full block in bytes. */
  readonly blksize: number;
  /** Blocks sent before an ACK is awaited. */
  readonly windowsize: number;
  /** The block number after 65535. */
  readonly rollover: 0 | 1;
  /** Longest time between retransmissions the client wants, in milliseconds. */
  readonly timeoutMs?: number;
}

export interface Negotiation {
  /** For the OACK, in the order asked; empty: no OACK is sent. */
  readonly accepted: ReadonlyMap<string, string>;
  readonly parameters: TransferParameters;
}

const DEFAULT_BLKSIZE = 512;
const SMALLEST_BLKSIZE = 8;
/** IP, UDP and TFTP headers around a block. */
const OVERHEAD = { ipv4: 20 + 8 + 4, ipv6: 40 + 8 + 4 } as const;

/**
 * Accepts what can be accepted and never answers what was not asked (EDK2 refuses an OACK with anything else in it).
 * @param asked option names in lower case → value
 */
export function negotiate(
  asked: ReadonlyMap<string, string>,
  facts: NegotiationFacts,
  caps: NegotiationCaps = DEFAULT_CAPS,
): Negotiation {
  const usable = new Map([...asked].filter(([name]) => isKnown(name) && !caps.disabled.has(name)));
  const block = chooseBlksize(usable, facts, caps);
  const rollover = usable.get('rollover') === '1' ? 1 : 0;
  const windowsize = chooseWindowsize(usable.get('windowsize'), block?.size ?? DEFAULT_BLKSIZE, caps);
  const timeoutMs = chooseTimeoutMs(usable);

  const accepted = new Map<string, string>();
  for (const [name, value] of usable) {
    const answer = answerTo(name as OptionName, value, block, windowsize, facts.size);
    if (answer !== undefined) accepted.set(name, answer);
  }
  return {
    accepted,
    parameters: {
      blksize: block?.size ?? DEFAULT_BLKSIZE,
      windowsize,
      rollover,
      ...(timeoutMs !== undefined && { timeoutMs }),
    },
  };
}

/** The size a client announces with a WRQ (RFC 2349), in bytes as sent; undefined when it says nothing usable. */
export function declaredSize(asked: ReadonlyMap<string, string>): number | undefined {
  return number(asked.get('tsize'));
}

interface BlockChoice {
  readonly option: 'blksize' | 'blksize2';
  readonly size: number;
}

function answerTo(
  name: OptionName,
  value: string,
  block: BlockChoice | undefined,
  windowsize: number,
  size: number | undefined,
): string | undefined {
  switch (name) {
    case 'blksize':
    case 'blksize2':
      return block?.option === name ? String(block.size) : undefined;
    case 'tsize':
      // An unknown size is left out: answering 0 would promise an empty file.
      return number(value) === undefined || size === undefined ? undefined : String(size);
    case 'windowsize':
      // 1 is what a client without the option has anyway.
      return windowsize > 1 ? String(windowsize) : undefined;
    case 'timeout':
      // Unchanged or not at all: EDK2 fails on another value.
      return timeoutOf(value) === undefined ? undefined : value;
    case 'utimeout':
      return utimeoutOf(value) === undefined ? undefined : value;
    case 'rollover':
      return value === '0' || value === '1' ? value : undefined;
    default:
      return name satisfies never;
  }
}

/** `blksize` (RFC 2348) wins over `blksize2`, which is the same rounded down to a power of two. */
function chooseBlksize(
  asked: ReadonlyMap<string, string>,
  facts: NegotiationFacts,
  caps: NegotiationCaps,
): BlockChoice | undefined {
  const overhead = facts.ipv6 ? OVERHEAD.ipv6 : OVERHEAD.ipv4;
  const path = facts.mtu === undefined ? Number.POSITIVE_INFINITY : facts.mtu - overhead;
  const most = Math.max(SMALLEST_BLKSIZE, Math.min(caps.blksizeMax, DEFAULT_CAPS.blksizeMax, path));
  const plain = number(asked.get('blksize'));
  if (plain !== undefined && plain >= SMALLEST_BLKSIZE) return { option: 'blksize', size: Math.min(plain, most) };
  const rounded = number(asked.get('blksize2'));
  if (rounded === undefined || rounded < SMALLEST_BLKSIZE) return undefined;
  return { option: 'blksize2', size: 2 ** Math.floor(Math.log2(Math.min(rounded, most))) };
}

/** 65535 is out of reach when numbers roll over to 1: there are only 65535 of them. */
function chooseWindowsize(value: string | undefined, blksize: number, caps: NegotiationCaps): number {
  const asked = number(value);
  if (asked === undefined || asked < 1 || asked > 65_535) return 1;
  return Math.max(1, Math.min(asked, caps.windowsizeMax, Math.floor(caps.windowBytesMax / blksize), 65_534));
}

function chooseTimeoutMs(asked: ReadonlyMap<string, string>): number | undefined {
  const micros = utimeoutOf(asked.get('utimeout'));
  if (micros !== undefined) return micros / 1000;
  const seconds = timeoutOf(asked.get('timeout'));
  return seconds === undefined ? undefined : seconds * 1000;
}

function timeoutOf(value: string | undefined): number | undefined {
  const seconds = number(value);
  return seconds !== undefined && seconds >= 1 && seconds <= 255 ? seconds : undefined;
}

function utimeoutOf(value: string | undefined): number | undefined {
  const micros = number(value);
  return micros !== undefined && micros >= 10_000 && micros <= 255_000_000 ? micros : undefined;
}

/** Plain decimal digits only; anything else makes the option, never the request, invalid. */
function number(value: string | undefined): number | undefined {
  return value !== undefined && /^[0-9]{1,20}$/.test(value) ? Number(value) : undefined;
}

function isKnown(name: string): name is OptionName {
  return (OPTION_NAMES as readonly string[]).includes(name);
}

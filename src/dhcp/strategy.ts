/**
 * How a proxy gives PXE firmware its file, learnt from what worked. A: the offer names none, the file follows on port 4011.
 * B: the offer has it, with 43.6 = 8. Some firmware takes one only, some networks close 4011; who returns with nothing
 * fetched is tried with the other. No clock: calls are told `now`.
 */
import type { BootClient } from '../boot/client.ts';
import type { LearntStrategy, ProxyStrategy } from '../boot/learnt.ts';
import type { Mac } from '../net/mac.ts';

export interface StrategyChoice {
  readonly strategy: ProxyStrategy;
  readonly because: string;
}

export interface StrategyBook {
  /** What the machine would be offered; changes nothing. */
  choose(client: BootClient, xid: number, now: number): StrategyChoice;
  /** It was offered that. */
  offered(client: BootClient, xid: number, strategy: ProxyStrategy, now: number): void;
  /** It came for its file. What is new, to be stored. */
  worked(mac: Mac, now: number): readonly LearntStrategy[];
  list(): readonly LearntStrategy[];
}

/** Firmware repeats a DISCOVER with its xid for a minute; a new one within so long is the same boot, tried again. */
const SAME_BOOT_MS = 600_000;
/** Sooner it cannot have tried: PXE firmware gives port 4011 ten seconds, a TFTP server as long. */
const TRIED_AFTER_MS = 2_000;
const MOST_ATTEMPTS = 4096;
const MOST_LEARNT = 16_384;

interface Attempt {
  readonly client: BootClient;
  readonly strategy: ProxyStrategy;
  readonly xid: number;
  readonly at: number;
  /** Boots in a row that came to nothing. */
  readonly failures: number;
}

/** @param known what the store holds */
export function createStrategyBook(known: Iterable<LearntStrategy> = []): StrategyBook {
  const learnt = new Map<string, LearntStrategy>();
  const attempts = new Map<Mac, Attempt>();
  for (const one of known) learnt.set(one.key, one);

  /** What is tried first. */
  function first(client: BootClient): StrategyChoice {
    const own = learnt.get(client.mac);
    if (own) return { strategy: own.strategy, because: 'it worked for this machine' };
    const alike = learnt.get(firmwareKey(client));
    if (alike) return { strategy: alike.strategy, because: `it worked for ${alike.key}` };
    return client.arch?.firmware === 'bios'
      ? { strategy: 'b', because: 'BIOS takes the file out of the offer' }
      : { strategy: 'a', because: 'UEFI asks port 4011' };
  }

  function failuresOf(client: BootClient, xid: number, now: number): number {
    const attempt = attempts.get(client.mac);
    if (!attempt || now - attempt.at > SAME_BOOT_MS) return 0;
    const isNewTry = attempt.xid !== xid && now - attempt.at >= TRIED_AFTER_MS;
    return attempt.failures + (isNewTry ? 1 : 0);
  }

  function choose(client: BootClient, xid: number, now: number): StrategyChoice {
    const start = first(client);
    const failures = failuresOf(client, xid, now);
    if (failures % 2 === 0) return start;
    const strategy = start.strategy === 'a' ? 'b' : 'a';
    return { strategy, because: `it came back and had fetched nothing by strategy ${start.strategy.toUpperCase()}` };
  }

  function learn(one: LearntStrategy): LearntStrategy[] {
    const before = learnt.get(one.key);
    if (before?.strategy === one.strategy) return [];
    learnt.delete(one.key);
    learnt.set(one.key, one);
    if (learnt.size > MOST_LEARNT) learnt.delete(learnt.keys().next().value ?? '');
    return [one];
  }

  return {
    choose,
    offered(client, xid, strategy, now) {
      const failures = failuresOf(client, xid, now);
      const before = attempts.get(client.mac);
      // A repeated DISCOVER is still the same try, begun when it began.
      const at = before?.xid === xid ? before.at : now;
      attempts.delete(client.mac);
      attempts.set(client.mac, { client, strategy, xid, at, failures });
      if (attempts.size > MOST_ATTEMPTS) attempts.delete(attempts.keys().next().value ?? client.mac);
    },
    worked(mac, now) {
      const attempt = attempts.get(mac);
      if (!attempt || now - attempt.at > SAME_BOOT_MS) return [];
      attempts.delete(mac);
      const { strategy, client } = attempt;
      return [mac, firmwareKey(client)].flatMap((key) => learn({ key, strategy, at: now }));
    },
    list: () => [...learnt.values()],
  };
}

/** Machines with the same firmware: architecture, UNDI version, maker of the card, vendor class. */
export function firmwareKey({ mac, arch, undi, vendorClass }: BootClient): string {
  return `firmware ${[arch?.code ?? '?', undi ?? '?', mac.slice(0, 8), vendorClass ?? '?'].join(' ')}`;
}

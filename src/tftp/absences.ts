/** Names that are not there, gathered by client: a boot ROM asks for a dozen before it finds its own, a Raspberry Pi for dozens. */
import type { TftpLog, Unstamped } from './report.ts';
import type { TransferClock } from './transfer.ts';

export interface Absences {
  /** Takes every event; one line of a client's absent names follows soon after the first. */
  observe(event: Unstamped): void;
  /** Says what is gathered. */
  close(): void;
}

interface Gathered {
  readonly names: string[];
  count: number;
  cancel(): void;
}

/** From the first name to the line. A ROM is through its list by then. */
const GATHER_MS = 3000;
/** Names a line has, and clients it is gathered for: more is forged addresses, and each name stands in an event anyway. */
const MOST_NAMES = 12;
const MOST_CLIENTS = 500;

export function createAbsences({ clock, log }: { readonly clock: TransferClock; readonly log: TftpLog }): Absences {
  const clients = new Map<string, Gathered>();

  function say(ip: string): void {
    const gathered = clients.get(ip);
    if (!gathered) return;
    clients.delete(ip);
    gathered.cancel();
    const { names, count } = gathered;
    // One alone has its line at level debug, and is no list.
    if (count < 2) return;
    const more = count > names.length ? ` and ${count - names.length} more` : '';
    log.info(
      { ip, count, names },
      `TFTP: ${ip} asked for ${count} names that are not there: ${names.join(', ')}${more}`,
    );
  }

  return {
    observe({ kind, ip, path }) {
      if (kind !== 'tftp.absent' || ip === undefined || path === undefined) return;
      const gathered = clients.get(ip);
      if (gathered) {
        gathered.count++;
        if (gathered.names.length < MOST_NAMES && !gathered.names.includes(path)) gathered.names.push(path);
        return;
      }
      if (clients.size >= MOST_CLIENTS) return;
      clients.set(ip, { names: [path], count: 1, cancel: clock.after(GATHER_MS, () => say(ip)) });
    },
    close() {
      for (const ip of [...clients.keys()]) say(ip);
    },
  };
}

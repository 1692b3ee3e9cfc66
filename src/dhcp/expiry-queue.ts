/** Which address becomes free next: a binary heap by time, in which changed entries are left behind and skipped. */

/** Times are milliseconds since 1970. */
export interface ExpiryQueue {
  readonly size: number;
  push(address: number, until: number): void;
  /** The entry with the least time. */
  peek(): { readonly address: number; readonly until: number } | undefined;
  pop(): void;
}

/** Takes the entries at once, in linear time: a server starts with every lease it has stored. */
export function createExpiryQueue(
  tellEach: (tell: (address: number, until: number) => void) => void = () => {},
): ExpiryQueue {
  const addresses: number[] = [];
  const times: number[] = [];
  tellEach((address, until) => {
    addresses.push(address);
    times.push(until);
  });

  const before = (a: number, b: number) => (times[a] ?? 0) < (times[b] ?? 0);
  const swap = (a: number, b: number) => {
    const [address, time] = [addresses[a] ?? 0, times[a] ?? 0];
    addresses[a] = addresses[b] ?? 0;
    times[a] = times[b] ?? 0;
    addresses[b] = address;
    times[b] = time;
  };
  const sinkFrom = (start: number) => {
    let at = start;
    for (;;) {
      const left = 2 * at + 1;
      let least = at;
      if (left < times.length && before(left, least)) least = left;
      if (left + 1 < times.length && before(left + 1, least)) least = left + 1;
      if (least === at) return;
      swap(at, least);
      at = least;
    }
  };
  for (let at = (times.length >> 1) - 1; at >= 0; at--) sinkFrom(at);

  return {
    get size() {
      return times.length;
    },
    push(address, until) {
      let at = times.push(until) - 1;
      addresses.push(address);
      while (at > 0) {
        const parent = (at - 1) >> 1;
        if (!before(at, parent)) return;
        swap(at, parent);
        at = parent;
      }
    },
    peek() {
      const [address] = addresses;
      const [until] = times;
      return address === undefined || until === undefined ? undefined : { address, until };
    },
    pop() {
      swap(0, times.length - 1);
      addresses.pop();
      times.pop();
      sinkFrom(0);
    },
  };
}

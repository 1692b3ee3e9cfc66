/** How many addresses are held through each port of a relay's switches (option 82), so that no port can take them all. */

export interface PortTally {
  /** The address is given to a machine behind that port, whatever port had it before. */
  note(port: string, address: number): void;
  forget(address: number): void;
  /** Addresses of that port which are still held; stops counting at `most`. */
  count(port: string, most: number, now: number): number;
}

/** @param isHeld whether an address that was noted is still offered, leased or put aside; asked only of ports that look full */
export function createPortTally(isHeld: (address: number, now: number) => boolean): PortTally {
  const addressesOf = new Map<string, Set<number>>();
  const portOf = new Map<number, string>();

  function forget(address: number): void {
    const port = portOf.get(address);
    if (port === undefined) return;
    portOf.delete(address);
    const addresses = addressesOf.get(port);
    addresses?.delete(address);
    if (addresses?.size === 0) addressesOf.delete(port);
  }

  return {
    forget,
    note(port, address) {
      if (portOf.get(address) === port) return;
      forget(address);
      portOf.set(address, port);
      const addresses = addressesOf.get(port);
      if (addresses) addresses.add(address);
      else addressesOf.set(port, new Set([address]));
    },
    count(port, most, now) {
      const addresses = addressesOf.get(port);
      if (!addresses || addresses.size < most) return addresses?.size ?? 0;
      for (const address of [...addresses]) if (!isHeld(address, now)) forget(address);
      return Math.min(addresses.size, most);
    },
  };
}

/** What is known of a machine that somebody has seen: what it said, where it stood. It selects and informs; it proves nothing. */
import type { Ipv4 } from '../net/ipv4.ts';
import type { Mac } from '../net/mac.ts';
import type { BootClient } from './client.ts';

/** What iPXE reads from SMBIOS and reports. */
export const ASSET_FACTS = ['manufacturer', 'product', 'serial', 'asset'] as const;
export type AssetFact = (typeof ASSET_FACTS)[number];

export interface MachineFacts {
  readonly mac: Mac;
  /** Name of the network it was last seen on. */
  readonly network?: string;
  /** Option 93 as sent. */
  readonly archCodes?: readonly number[];
  readonly uuid?: string;
  /** Option 60. */
  readonly vendorClass?: string;
  /** Option 77. */
  readonly userClasses?: readonly string[];
  /** Option 12. */
  readonly hostname?: string;
  /** Relay agent between it and us. */
  readonly relay?: Ipv4;
  /** Option 82.1, hex: the port it hangs on. */
  readonly circuitId?: string;
  readonly smbios?: Readonly<Partial<Record<AssetFact, string>>>;
}

/** `blocked` and `ignored` machines get no boot answer; the inbox shows the blocked and hides the ignored. */
export const STANDINGS = ['new', 'ignored', 'blocked'] as const;
export type Standing = (typeof STANDINGS)[number];

/** A machine that was seen. Times are wall-clock milliseconds since 1970. */
export interface Machine {
  readonly mac: Mac;
  readonly facts: MachineFacts;
  readonly standing: Standing;
  readonly firstSeenAt: number;
  readonly lastSeenAt: number;
  /** Boots, not packets: sightings within a minute count as one. */
  readonly times: number;
}

/** Everything that was seen, by MAC; what is found may change from call to call. */
export interface MachineIndex {
  find(mac: Mac): Machine | undefined;
}

export const NO_MACHINES: MachineIndex = { find: () => undefined };

/** The facts of a request. */
export function factsOf(client: BootClient, network: string | undefined): MachineFacts {
  const { mac, archCodes, uuid, vendorClass, userClasses, hostname, relay, circuitId } = client;
  return {
    mac,
    ...(network !== undefined && { network }),
    ...(archCodes.length > 0 && { archCodes }),
    ...(uuid !== undefined && { uuid }),
    ...(vendorClass !== undefined && { vendorClass }),
    ...(userClasses.length > 0 && { userClasses }),
    ...(hostname !== undefined && { hostname }),
    ...(relay !== undefined && { relay }),
    ...(circuitId !== undefined && { circuitId }),
  };
}

/**
 * What was known with what is told now. A later stage tells less (iPXE sends its own class, an installer no
 * architecture): what it leaves out stays, and a boot class or architecture gives way to nothing but another.
 */
export function mergeFacts(known: MachineFacts | undefined, told: MachineFacts): MachineFacts {
  if (!known) return told;
  const isBoot = (text: string | undefined) => text !== undefined && /^(?:PXE|HTTP)Client/.test(text);
  const keepClass = isBoot(known.vendorClass) && !isBoot(told.vendorClass);
  return {
    ...known,
    ...told,
    ...(keepClass && known.vendorClass !== undefined && { vendorClass: known.vendorClass }),
    ...((known.smbios || told.smbios) && { smbios: { ...known.smbios, ...told.smbios } }),
  };
}

/** Networks: the wires we serve. The schema of `profiles/networks/<name>.yaml`. */
import { z } from 'zod';
import { cidrSchema, dhcpOptionsSchema, ipv4Schema, rangeSchema, varsSchema } from './fields.ts';
import { pxeMenuSchema } from './pxe-menu.ts';

export const NETWORK_MODES = ['server', 'responder', 'proxy', 'observe', 'off'] as const;
export type NetworkMode = (typeof NETWORK_MODES)[number];

/** Whether machines may get an address there: then the leases of the network are kept. */
export function givesAddresses(mode: NetworkMode): boolean {
  return mode === 'server' || mode === 'responder';
}

/** `profiles/networks/<name>.yaml`: a wire we serve. */
export const networkSchema = z
  .strictObject({
    /** Interface name; or leave it out and the interface with an address in `subnet` is taken. */
    interface: z.string().min(1).max(15).optional(),
    subnet: cidrSchema.optional(),
    /**
     * `server` gives addresses; `responder` those of its hosts only, and hears nobody else; `proxy` gives boot information
     * beside another DHCP server; `observe` answers nothing and records what it sees; `off` does not listen.
     */
    mode: z.enum(NETWORK_MODES),
    pools: z.array(rangeSchema).default([]),
    router: ipv4Schema.optional(),
    dns: z.array(ipv4Schema).default([]),
    domain: z.string().optional(),
    ntp: z.array(ipv4Schema).default([]),
    leaseSeconds: z.number().int().min(60).max(31_536_000).default(3600),
    /** Leases for firmware and loaders: short, so that they do not fill the pool. */
    bootLeaseSeconds: z.number().int().min(60).max(86_400).default(600),
    /** NAK clients that ask for addresses we know nothing of. */
    authoritative: z.boolean().default(false),
    /** What tells one client from another: its MAC, whatever system it runs, or its client identifier (option 61). */
    identity: z.enum(['mac', 'client-id']).default('mac'),
    /** A lease after two packets for clients that ask so (RFC 4039). Only where no other server gives addresses. */
    rapidCommit: z.boolean().default(false),
    /** Addresses for machines behind one port of a relay's switches (option 82 sub-option 1); 0: any number. */
    leasesPerPort: z.number().int().min(0).max(65_535).default(0),
    /** Relays (giaddr) that may ask who holds addresses of this network (leasequery, RFC 4388); none by default. */
    leasequery: z.array(ipv4Schema).default([]),
    /** Another DHCP server on this wire is meant: a new pool is opened beside it, and it is no alarm. */
    shareWire: z.boolean().default(false),
    /** Nobody else is expected on this wire: the network falls silent when another DHCP server turns up. */
    isolated: z.boolean().default(false),
    /** How long an address is asked about on our own wire before it is offered; 0 asks nobody. */
    probeMs: z.union([z.literal(0), z.number().int().min(100).max(500)]).default(200),
    /**
     * Whether an iPXE that boots from us is told that there is no IPv6 router, for which it waits 13 seconds: `auto` where we
     * give the addresses and no IPv6 is in use on the interface.
     */
    skipRouterWait: z.enum(['auto', 'always', 'never']).default('auto'),
    /** Address machines are told to fetch from; default: the interface's own. */
    serverAddress: ipv4Schema.optional(),
    /**
     * What a machine gets that is no host and in no group with a profile: `ignore`, `local`, `menu`, `discover` (its own
     * disk, after iPXE has told what the machine is), or the name of a non-destructive profile.
     */
    unknown: z.string().default('local'),
    /** Menu of BIOS firmware itself, for machines that would get a loader; wins over that of their profile. */
    pxeMenu: pxeMenuSchema.optional(),
    options: dhcpOptionsSchema.default({}),
    vars: varsSchema.default({}),
  })
  .refine((network) => network.interface !== undefined || network.subnet !== undefined, {
    message: 'needs "interface" or "subnet", to know which wire it is',
  });
export type NetworkDocument = z.output<typeof networkSchema>;
/** Policies for unknown machines that are no profile's name. */
export const UNKNOWN_POLICIES = ['ignore', 'local', 'menu', 'discover'] as const;
export type Network = Readonly<NetworkDocument> & { readonly name: string };

/** Option 82: what the relay or switch says of the client's port (RFC 3046 and its later sub-options). */
import { bytes, data, flag, ip, u8, u32 } from './shape.ts';
import { type SubOptionTable, subOptionsOf } from './sub-options.ts';

export const RELAY_SUB_OPTIONS: SubOptionTable = {
  padded: false,
  closed: false,
  definitions: [
    { code: 1, name: 'circuit-id', shape: data },
    { code: 2, name: 'remote-id', shape: data },
    { code: 4, name: 'docsis-device-class', shape: u32 },
    { code: 5, name: 'link-selection', shape: ip }, // RFC 3527
    { code: 6, name: 'subscriber-id', shape: data }, // RFC 3993
    { code: 7, name: 'radius-attributes', shape: bytes }, // RFC 4014
    { code: 8, name: 'authentication', shape: bytes }, // RFC 4030
    { code: 9, name: 'vendor-specific', shape: bytes }, // RFC 4243
    { code: 10, name: 'relay-flags', shape: u8 }, // RFC 5010
    { code: 11, name: 'server-id-override', shape: ip }, // RFC 5107
    { code: 12, name: 'relay-id', shape: bytes }, // RFC 6925
    { code: 13, name: 'access-technology', shape: bytes }, // RFC 7839
    { code: 14, name: 'access-network', shape: data },
    { code: 15, name: 'access-point', shape: data },
    { code: 16, name: 'access-point-bssid', shape: bytes },
    { code: 17, name: 'operator-id', shape: bytes },
    { code: 18, name: 'operator-realm', shape: data },
    { code: 19, name: 'relay-source-port', shape: flag }, // RFC 8357: empty, says "answer my source port"
    { code: 151, name: 'virtual-subnet', shape: bytes }, // RFC 6607
    { code: 152, name: 'virtual-subnet-control', shape: bytes },
  ],
};

export const relayOptions = subOptionsOf('relay-options', RELAY_SUB_OPTIONS);

/** THE option table: IANA's DHCPv4 registry (RFC 2132 and later) and what boot clients and phones add to it. */
import { ipxeOptions } from './ipxe-options.ts';
import { pxeOptions } from './pxe-options.ts';
import { relayOptions } from './relay-options.ts';
import {
  bool,
  bytes,
  data,
  flag,
  hex32,
  i32,
  ip,
  ipPairs,
  ips,
  named,
  type Shape,
  seconds,
  text,
  u8,
  u8s,
  u16,
  u16s,
  u32,
} from './shape.ts';
import { architectures, clientId, enterprises, undi, userClasses, uuid } from './shape-client.ts';
import { domain, domains, fqdn, sipServers } from './shape-names.ts';
import { routes } from './shape-routes.ts';

/** Option 53 (RFC 2132 §9.6, 3203, 4388, 6926, 7724). */
export const MESSAGE_TYPES = {
  1: 'DISCOVER',
  2: 'OFFER',
  3: 'REQUEST',
  4: 'DECLINE',
  5: 'ACK',
  6: 'NAK',
  7: 'RELEASE',
  8: 'INFORM',
  9: 'FORCERENEW',
  10: 'LEASEQUERY',
  11: 'LEASEUNASSIGNED',
  12: 'LEASEUNKNOWN',
  13: 'LEASEACTIVE',
  14: 'BULKLEASEQUERY',
  15: 'LEASEQUERYDONE',
  16: 'ACTIVELEASEQUERY',
  17: 'LEASEQUERYSTATUS',
  18: 'TLS',
} as const;

export const messageType = named('message-type', MESSAGE_TYPES);
const overload = named('overload', { 1: 'file', 2: 'sname', 3: 'both' });
const nodeType = named('node-type', { 1: 'B-node', 2: 'P-node', 4: 'M-node', 8: 'H-node' });
const autoConfigure = named('auto-configure', { 0: 'no', 1: 'yes' });

type Row = readonly [code: number, name: string, shape: Shape<unknown>];

export const OPTION_ROWS: readonly Row[] = [
  // RFC 2132 §3: basics
  [1, 'subnet-mask', ip],
  [2, 'time-offset', i32],
  [3, 'router', ips],
  [4, 'time-server', ips],
  [5, 'name-server', ips],
  [6, 'domain-name-server', ips],
  [7, 'log-server', ips],
  [8, 'cookie-server', ips],
  [9, 'lpr-server', ips],
  [10, 'impress-server', ips],
  [11, 'resource-location-server', ips],
  [12, 'host-name', text],
  [13, 'boot-file-size', u16],
  [14, 'merit-dump-file', text],
  [15, 'domain-name', text],
  [16, 'swap-server', ip],
  [17, 'root-path', text],
  [18, 'extensions-path', text],
  // RFC 2132 §4, §5: the IP layer
  [19, 'ip-forwarding', bool],
  [20, 'non-local-source-routing', bool],
  [21, 'policy-filter', ipPairs],
  [22, 'max-datagram-reassembly', u16],
  [23, 'default-ip-ttl', u8],
  [24, 'path-mtu-aging-timeout', u32],
  [25, 'path-mtu-plateau-table', u16s],
  [26, 'interface-mtu', u16],
  [27, 'all-subnets-local', bool],
  [28, 'broadcast-address', ip],
  [29, 'perform-mask-discovery', bool],
  [30, 'mask-supplier', bool],
  [31, 'perform-router-discovery', bool],
  [32, 'router-solicitation-address', ip],
  [33, 'static-route', ipPairs],
  // RFC 2132 §6, §7: link layer, TCP
  [34, 'trailer-encapsulation', bool],
  [35, 'arp-cache-timeout', u32],
  [36, 'ethernet-encapsulation', bool],
  [37, 'tcp-default-ttl', u8],
  [38, 'tcp-keepalive-interval', u32],
  [39, 'tcp-keepalive-garbage', bool],
  // RFC 2132 §8: applications
  [40, 'nis-domain', text],
  [41, 'nis-server', ips],
  [42, 'ntp-server', ips],
  [43, 'vendor-options', pxeOptions],
  [44, 'netbios-name-server', ips],
  [45, 'netbios-dd-server', ips],
  [46, 'netbios-node-type', nodeType],
  [47, 'netbios-scope', text],
  [48, 'x-font-server', ips],
  [49, 'x-display-manager', ips],
  // RFC 2132 §9: DHCP itself
  [50, 'requested-address', ip],
  [51, 'lease-time', seconds],
  [52, 'overload', overload],
  [53, 'message-type', messageType],
  [54, 'server-identifier', ip],
  [55, 'parameter-request-list', u8s],
  [56, 'message', text],
  [57, 'max-message-size', u16],
  [58, 'renewal-time', seconds],
  [59, 'rebinding-time', seconds],
  [60, 'vendor-class', text],
  [61, 'client-identifier', clientId],
  [62, 'netware-ip-domain', text], // RFC 2242
  [63, 'netware-ip-options', bytes],
  [64, 'nisplus-domain', text],
  [65, 'nisplus-server', ips],
  [66, 'tftp-server-name', text],
  [67, 'bootfile-name', text],
  [68, 'mobile-ip-home-agent', ips],
  [69, 'smtp-server', ips],
  [70, 'pop3-server', ips],
  [71, 'nntp-server', ips],
  [72, 'www-server', ips],
  [73, 'finger-server', ips],
  [74, 'irc-server', ips],
  [75, 'streettalk-server', ips],
  [76, 'streettalk-directory-server', ips],
  // Later RFCs
  [77, 'user-class', userClasses], // RFC 3004
  [78, 'slp-directory-agent', bytes], // RFC 2610
  [79, 'slp-service-scope', bytes],
  [80, 'rapid-commit', flag], // RFC 4039
  [81, 'client-fqdn', fqdn], // RFC 4702
  [82, 'relay-agent-information', relayOptions], // RFC 3046
  [83, 'isns', bytes], // RFC 4174
  [85, 'nds-server', ips], // RFC 2241
  [86, 'nds-tree-name', text],
  [87, 'nds-context', text],
  [88, 'bcmcs-domain', domains], // RFC 4280
  [89, 'bcmcs-address', ips],
  [90, 'authentication', bytes], // RFC 3118
  [91, 'client-last-transaction-time', seconds], // RFC 4388
  [92, 'associated-address', ips],
  [93, 'client-architecture', architectures], // RFC 4578
  [94, 'client-network-interface', undi],
  [95, 'ldap-server', text],
  [97, 'client-uuid', uuid],
  [98, 'user-authentication', text], // RFC 2485
  [99, 'civic-location', bytes], // RFC 4776
  [100, 'posix-timezone', text], // RFC 4833
  [101, 'tzdb-timezone', text],
  [108, 'ipv6-only-preferred', seconds], // RFC 8925
  [112, 'netinfo-address', ips],
  [113, 'netinfo-tag', text],
  [114, 'captive-portal', text], // RFC 8910; phones read a provisioning URL in it
  [116, 'auto-configure', autoConfigure], // RFC 2563
  [117, 'name-service-search', u16s], // RFC 2937
  [118, 'subnet-selection', ip], // RFC 3011
  [119, 'domain-search', domains], // RFC 3397
  [120, 'sip-server', sipServers], // RFC 3361
  [121, 'classless-static-route', routes], // RFC 3442
  [122, 'cablelabs-client-configuration', bytes], // RFC 3495
  [123, 'geo-location', bytes], // RFC 6225
  [124, 'vendor-identifying-class', enterprises], // RFC 3925
  [125, 'vendor-identifying-options', enterprises],
  // RFC 4578 §4: PXE firmware asks for these and every vendor means something else
  [128, 'pxe-vendor-128', data],
  [129, 'pxe-vendor-129', data],
  [130, 'pxe-vendor-130', data],
  [131, 'pxe-vendor-131', data],
  [132, 'pxe-vendor-132', data],
  [133, 'pxe-vendor-133', data],
  [134, 'pxe-vendor-134', data],
  [135, 'pxe-vendor-135', data],
  [136, 'pana-agent', ips], // RFC 5192
  [137, 'lost-server', domain], // RFC 5223
  [138, 'capwap-controller', ips], // RFC 5417
  [139, 'mos-address', bytes], // RFC 5678
  [140, 'mos-domain', bytes],
  [141, 'sip-ua-domain', domains], // RFC 6011
  [142, 'andsf-address', ips], // RFC 6153
  [143, 'sztp-redirect', bytes], // RFC 8572
  [144, 'geospatial-location', bytes], // RFC 6225
  [145, 'forcerenew-nonce', u8s], // RFC 6704
  [146, 'dns-server-selection', bytes], // RFC 6731
  [147, 'dots-agent-name', domain], // RFC 8973
  [148, 'dots-agent-address', ips],
  [150, 'tftp-server-address', ips], // RFC 5859
  [151, 'status-code', bytes], // RFC 6926
  [152, 'base-time', u32],
  [153, 'start-time-of-state', u32],
  [154, 'query-start-time', u32],
  [155, 'query-end-time', u32],
  [156, 'dhcp-state', u8],
  [157, 'data-source', u8],
  [158, 'pcp-server', bytes], // RFC 7291
  [159, 'provisioning-url-159', data], // phones; RFC 7618 uses it for port sets
  [160, 'provisioning-url-160', data],
  [161, 'mud-url', text], // RFC 8520
  [162, 'encrypted-dns', bytes], // RFC 9463
  // Boot loaders, phones, site-specific
  [175, 'ipxe-options', ipxeOptions],
  [176, 'ip-telephone', data], // Avaya 4600
  [177, 'etherboot-177', data],
  [203, 'iscsi-initiator', text], // iPXE
  [208, 'pxelinux-magic', hex32], // RFC 5071
  [209, 'pxelinux-config-file', text],
  [210, 'pxelinux-path-prefix', text],
  [211, 'pxelinux-reboot-time', seconds],
  [212, 'six-rd', bytes], // RFC 5969
  [213, 'access-network-domain', domain], // RFC 5986
  [220, 'subnet-allocation', bytes], // RFC 6656
  [221, 'virtual-subnet-selection', bytes], // RFC 6607
  [224, 'site-224', data],
  [242, 'avaya-phone', data], // Avaya 1600, 9600, J100
  [249, 'ms-classless-static-route', routes],
  [250, 'windows-deployment', bytes],
  [252, 'wpad-url', text], // Windows boot manager: path of the BCD
];

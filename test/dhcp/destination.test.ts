import { expect, it } from 'vitest';
import { chooseDestination } from '../../src/dhcp/destination.ts';
import { bytes, ipv4, mac, type RequestFields, request } from '../support/dhcp-world.ts';

const CLIENT = ipv4('10.77.0.50');
const RELAY = ipv4('10.9.0.1');
const OFFERED = ipv4('10.77.0.100');
const nobody = { address: ipv4('0.0.0.0'), port: 68 };
const fromRelay = { address: RELAY, port: 1067 };
const fromClient = { address: CLIENT, port: 4011 };

type Row = [
  rule: string,
  asked: RequestFields & { message?: string },
  reply: string,
  from: { address: typeof CLIENT; port: number },
  port: number,
  target: object,
];

const ROWS: Row[] = [
  [
    'D-11: a relay gets it on port 67',
    { giaddr: RELAY },
    'OFFER',
    fromRelay,
    67,
    { kind: 'address', address: RELAY, port: 67 },
  ],
  [
    'D-11: or on its source port when it says so (RFC 8357)',
    { giaddr: RELAY, options: { 82: bytes('1300') } },
    'OFFER',
    fromRelay,
    67,
    { kind: 'address', address: RELAY, port: 1067 },
  ],
  [
    'D-11: the relay wins over ciaddr and the broadcast flag',
    { giaddr: RELAY, ciaddr: CLIENT, flags: 0x8000 },
    'ACK',
    fromRelay,
    67,
    { kind: 'address', address: RELAY, port: 67 },
  ],
  [
    'D-12: a client with an address gets it there',
    { ciaddr: CLIENT, flags: 0x8000 },
    'ACK',
    fromClient,
    67,
    { kind: 'address', address: CLIENT, port: 68 },
  ],
  ['D-13: the broadcast flag is obeyed', { flags: 0x8000 }, 'OFFER', nobody, 67, { kind: 'broadcast', port: 68 }],
  [
    'D-14: without it the frame is addressed by hand',
    {},
    'OFFER',
    nobody,
    67,
    { kind: 'hardware', address: OFFERED, mac: mac(1), port: 68 },
  ],
  [
    'D-14: other hardware than Ethernet gets a broadcast',
    { htype: 32 },
    'OFFER',
    nobody,
    67,
    { kind: 'broadcast', port: 68 },
  ],
  [
    'D-15: a NAK is broadcast, also to a client with an address',
    { ciaddr: CLIENT },
    'NAK',
    fromClient,
    67,
    { kind: 'broadcast', port: 68 },
  ],
  [
    'D-15: a NAK through a relay goes to the relay',
    { giaddr: RELAY },
    'NAK',
    fromRelay,
    67,
    { kind: 'address', address: RELAY, port: 67 },
  ],
  [
    'D-36: an INFORM without ciaddr is answered where it came from',
    { message: 'INFORM' },
    'ACK',
    fromClient,
    67,
    { kind: 'address', address: CLIENT, port: 68 },
  ],
  [
    'D-64: port 4011 is answered on the port it came from',
    { ciaddr: CLIENT },
    'ACK',
    fromClient,
    4011,
    { kind: 'address', address: CLIENT, port: 4011 },
  ],
  [
    'D-64: which may be 68',
    { ciaddr: CLIENT },
    'ACK',
    { address: CLIENT, port: 68 },
    4011,
    { kind: 'address', address: CLIENT, port: 68 },
  ],
  [
    'D-68: a proxy answers through the relay',
    { giaddr: RELAY },
    'OFFER',
    fromRelay,
    67,
    { kind: 'address', address: RELAY, port: 67 },
  ],
];

it.each(ROWS)('%s', (_, { message = 'REQUEST', ...fields }, reply, from, port, target) => {
  const yiaddr = reply === 'NAK' ? ipv4('0.0.0.0') : OFFERED;
  expect(chooseDestination(request(message, fields), request(reply, { yiaddr }), from, port)).toEqual(target);
});

it('D-67: the offer of a proxy, which gives no address, is broadcast', () => {
  expect(chooseDestination(request('DISCOVER'), request('OFFER'), nobody, 67)).toEqual({ kind: 'broadcast', port: 68 });
});

import { expect, it } from 'vitest';
import { factsOf, type Session, statusOf } from '../../src/tftp/session.ts';

const TOKEN = 'lq2x8f0ab-0011aabb_1_abcdefghijklmnopqrstuvwxyz012345';

it('tells events and the list of transfers a path without the token in it', () => {
  const session: Session = {
    key: 'k',
    signature: 's',
    startedMs: 0,
    arrival: {
      listener: { address: '10.77.0.1', port: 69, receiveBufferBytes: 0, send: () => {}, close: async () => {} },
      peer: { address: '10.77.0.9', port: 2070 },
      mtu: undefined,
    },
    request: { kind: 'rrq', path: `/t/${TOKEN}/ks.cfg`, mode: 'octet', options: new Map(), repeated: [] },
    requester: { ip: '10.77.0.9', transport: 'tftp', localAddress: '10.77.0.1' },
    released: false,
  };
  const facts = factsOf(session, 5);
  expect(facts.path).toBe('/t/…/ks.cfg');
  expect(JSON.stringify([facts, statusOf(session, 5)])).not.toContain(TOKEN);
});

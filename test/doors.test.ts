/** HTTP listeners follow the addresses that are served. */
import { describe, expect, it } from 'vitest';
import { createHttpListeners, listenAddresses } from '../src/doors.ts';
import { AppError } from '../src/errors.ts';
import type { Ipv4 } from '../src/net/ipv4.ts';

function door(broken: Set<string> = new Set()) {
  const open: string[] = [];
  return {
    open,
    listen: async (address: string, port: number) => {
      if (broken.has(address)) throw new AppError('port-in-use', 'another program has it');
      open.push(address);
      return { address, port, close: async () => void open.splice(open.indexOf(address), 1) };
    },
  };
}

describe('HTTP listeners', () => {
  it('are open on exactly the addresses that are served', async () => {
    const own = door();
    const listeners = createHttpListeners(own, 8080);
    await listeners.setAddresses(['10.77.0.1', '192.0.2.7']);
    await listeners.setAddresses(['10.77.0.1', '127.0.0.1']);
    expect(own.open).toEqual(['10.77.0.1', '127.0.0.1']);
    expect(listeners.status()).toEqual([
      { address: '10.77.0.1', port: 8080 },
      { address: '127.0.0.1', port: 8080 },
    ]);
  });

  it('that failed say why and are tried again', async () => {
    const broken = new Set(['10.77.0.1']);
    const listeners = createHttpListeners(door(broken), 8080);
    await listeners.setAddresses(['10.77.0.1']);
    expect(listeners.status()).toEqual([{ address: '10.77.0.1', port: 8080, problem: 'another program has it' }]);
    broken.clear();
    await listeners.setAddresses(['10.77.0.1']);
    expect(listeners.status()).toEqual([{ address: '10.77.0.1', port: 8080 }]);
  });
});

describe('the addresses that are listened on', () => {
  const interfaces = [['127.0.0.1'], ['10.77.0.1', '10.77.0.2'], []].map((own) => ({
    addresses: own.map((address) => ({ address: address as Ipv4, prefix: 24 })),
  }));
  const served = [{ address: '10.77.0.1' as Ipv4 }];

  it.each([
    ['those of served networks, and loopback', undefined, served, ['10.77.0.1', '127.0.0.1']],
    ['all, where nothing is served', undefined, [], ['127.0.0.1', '10.77.0.1', '10.77.0.2']],
    ['those that are listed', ['10.77.0.2', 'fd00::1'], served, ['10.77.0.2', 'fd00::1']],
    [
      'T-50 T-51 each by itself for 0.0.0.0',
      ['fd00::1', '10.77.0.2', '0.0.0.0'],
      served,
      ['fd00::1', '10.77.0.2', '127.0.0.1', '10.77.0.1'],
    ],
  ])('are %s', (_, listen, networks, expected) => {
    expect(listenAddresses({ listen }, networks, interfaces)).toEqual(expected);
  });
});

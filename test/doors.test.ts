/** HTTP listeners follow the addresses that are served. */
import { describe, expect, it } from 'vitest';
import { createHttpListeners } from '../src/doors.ts';
import { AppError } from '../src/errors.ts';

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

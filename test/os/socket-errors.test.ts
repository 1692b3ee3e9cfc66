import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { openFailure, rightsAdvice, trafficFailure } from '../../src/os/socket-errors.ts';

const place = { interface: 'eth0', address: '10.77.0.1', port: 67 };
const errno = (code: string) => Object.assign(new Error(`bind ${code}`), { code });
const nobody = () => undefined;

describe('opening', () => {
  it.each([
    ['EADDRINUSE', 'port-in-use', 'UDP port 67 on eth0, 10.77.0.1 is in use by dnsmasq (process 812). Stop it'],
    ['EACCES', 'port-denied', 'No permission to open UDP port 67 on eth0'],
    ['EPERM', 'port-denied', 'sudo setcap'],
    ['ENODEV', 'interface-missing', 'The interface eth0 does not exist'],
    ['EADDRNOTAVAIL', 'interface-missing', 'The interface eth0 does not have that address'],
  ])('%s becomes %s', (code, expected, text) => {
    const cause = errno(code);
    const error = openFailure(cause, place, () => 'dnsmasq (process 812)');
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: expected, cause, message: expect.stringContaining(text) });
  });

  it('does not guess at a holder it cannot see', () => {
    expect(openFailure(errno('EADDRINUSE'), place, nobody).message).toContain('in use by another program');
  });

  it('speaks of the machine where no interface is named', () => {
    const listener = { address: '10.77.0.9', port: 69 };
    const { message } = openFailure(errno('EADDRNOTAVAIL'), listener, nobody);
    expect(message).toContain('This machine does not have that address (UDP port 69 on 10.77.0.9)');
  });

  it('passes on what it does not know, and what is explained already', () => {
    const strange = errno('EMFILE');
    expect(openFailure(strange, place, nobody)).toBe(strange);
    const explained = new AppError('interface-missing', 'explained');
    expect(openFailure(explained, place, nobody)).toBe(explained);
  });
});

describe('traffic', () => {
  it.each([
    ['EPERM', 'port-denied', 'firewall'],
    ['ENETDOWN', 'interface-missing', 'is down'],
    ['ENETUNREACH', 'interface-missing', 'has lost its address or is down'],
    ['ENODEV', 'interface-missing', 'does not exist'],
  ])('%s becomes %s', (code, expected, text) => {
    expect(trafficFailure(errno(code), place)).toMatchObject({
      code: expected,
      message: expect.stringContaining(text),
    });
  });

  it('to an address that nobody has a route to does not mean that the interface is gone', () => {
    const failure = trafficFailure(errno('ENETUNREACH'), place, '192.0.2.9');
    expect(failure).not.toHaveProperty('code');
    expect(failure.message).toContain('There is no route to 192.0.2.9');
  });
});

it('names the program that must be given the capabilities', () => {
  expect(rightsAdvice('/usr/bin/node')).toContain('setcap cap_net_bind_service,cap_net_raw+ep /usr/bin/node;');
});

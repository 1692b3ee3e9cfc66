/** Who may ask, and which caps hold for whom. */
import { describe, expect, it } from 'vitest';
import { type IpNetwork, parseIpNetwork } from '../../src/net/ip-network.ts';
import { type MacPrefix, parseMac, parseMacPrefix } from '../../src/net/mac.ts';
import { type ClientRule, mayAsk, policyFor } from '../../src/tftp/policy.ts';
import { DEFAULT_TFTP_SETTINGS } from '../../src/tftp/settings.ts';

const networks = (...texts: string[]) => texts.map((text) => parseIpNetwork(text) as IpNetwork);
const macs = (...texts: string[]) => texts.map((text) => parseMacPrefix(text) as MacPrefix);

describe('T-72 may ask without a list', () => {
  it.each([
    ['10.77.0.5', true],
    ['172.31.255.255', true],
    ['172.32.0.1', false],
    ['192.168.1.1', true],
    ['169.254.1.1', true],
    ['127.0.0.1', true],
    ['203.0.113.9', false],
    ['100.64.0.1', false],
    ['198.51.100.7', true],
    ['192.0.2.1', true],
    ['fe80::1%eth0', true],
    ['fd00::5', true],
    ['2001:db8::5', false],
  ])('%s: %s', (ip, expected) => {
    // 198.51.100.0/24 is served; 192.0.2.1 is our own address.
    expect(mayAsk(ip, '192.0.2.1', undefined, networks('198.51.100.0/24'))).toBe(expected);
  });

  it('and with one nobody else, but ourselves', () => {
    const allow = networks('10.77.1.0/24', '2001:db8::/32');
    const asks = (ip: string) => mayAsk(ip, '10.77.0.1', allow, networks('10.77.0.0/24'));
    expect(['10.77.1.9', '2001:db8::9', '10.77.0.9', '127.0.0.1', '10.77.0.1'].map(asks)).toEqual([
      true,
      true,
      false,
      false,
      true,
    ]);
  });
});

describe('a policy', () => {
  const rules: readonly ClientRule[] = [
    { vendor: 'raspberry-pi', windowsizeMax: 1 },
    { networks: networks('10.77.1.0/24', 'fd00:1::/64'), blksizeMax: 1024, disable: ['tsize'] },
    { macs: macs('52:54:00'), blksizeMax: 512, rollover: 1, fitMtu: false, retransmitMaxMs: 2000 },
  ];
  const of = (ip: string, mac?: string) => {
    const parsed = mac === undefined ? undefined : parseMac(mac);
    const { caps, fitMtu, retransmitMaxMs } = policyFor(
      { ip, ...(parsed && { mac: parsed }) },
      DEFAULT_TFTP_SETTINGS,
      rules,
    );
    const { blksizeMax, windowsizeMax, disabled, rollover } = caps;
    return { blksizeMax, windowsizeMax, disabled: [...disabled], rollover, fitMtu, retransmitMaxMs };
  };
  const usual = {
    blksizeMax: 65_464,
    windowsizeMax: 64,
    disabled: [],
    rollover: undefined,
    fitMtu: true,
    retransmitMaxMs: 8000,
  };

  it.each([
    ['nobody in particular', '10.77.0.5', undefined, {}],
    ['T-67 a network', '10.77.1.5', undefined, { blksizeMax: 1024, disabled: ['tsize'] }],
    ['a network of IPv6', 'fd00:1::5', undefined, { blksizeMax: 1024, disabled: ['tsize'] }],
    ['T-66 a vendor', '10.77.0.5', 'dc:a6:32:01:02:03', { windowsizeMax: 1 }],
    [
      'T-68 a MAC prefix',
      '10.77.0.5',
      '52:54:00:01:02:03',
      { blksizeMax: 512, rollover: 1, fitMtu: false, retransmitMaxMs: 2000 },
    ],
    [
      'two rows, the first of each setting',
      '10.77.1.5',
      '52:54:00:01:02:03',
      { blksizeMax: 1024, disabled: ['tsize'], rollover: 1, fitMtu: false, retransmitMaxMs: 2000 },
    ],
  ])('for %s', (_, ip, mac, expected) => {
    expect(of(ip, mac)).toEqual({ ...usual, ...expected });
  });
});

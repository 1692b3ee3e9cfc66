import { describe, expect, test } from 'vitest';
import { parseReport } from '../../src/lab/report.ts';

const WHOLE = `mac=52:54:00:77:00:01
ip=10.77.0.130
server=10.77.0.1
hostname=web
uptime=3.54
secureboot=1
cmdline=console=ttyS0 a=b=c hobnail.host=web
`;

describe("a guest's report", () => {
  test('is read with the command line kept whole, equal signs and all', () => {
    expect(parseReport(WHOLE)).toEqual({
      mac: '52:54:00:77:00:01',
      address: '10.77.0.130',
      server: '10.77.0.1',
      hostname: 'web',
      uptimeSeconds: 3.54,
      secureBoot: true,
      commandLine: 'console=ttyS0 a=b=c hobnail.host=web',
    });
  });

  test.each([
    ['without a MAC', WHOLE.replace(/^mac.*\n/, '')],
    ['with a MAC that is none', WHOLE.replace('52:54', 'zz:54')],
    ['without a command line', WHOLE.replace(/cmdline.*\n/, '')],
    ['which is empty', ''],
  ])('%s is none', (_name, text) => {
    expect(parseReport(text)).toBeUndefined();
  });
});

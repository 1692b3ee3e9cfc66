import { describe, expect, test } from 'vitest';
import { dependenciesOf } from '../../src/lab/kernel.ts';

const modinfo = (...entries: string[]) => Buffer.from(`\u007fELF\0${entries.join('\0')}\0rest`);

describe('what a kernel module depends on', () => {
  test.each([
    [
      'two modules, by the names of their files',
      modinfo('license=GPL', 'depends=virtio,net-failover', 'intree=Y'),
      ['virtio', 'net_failover'],
    ],
    ['nothing', modinfo('license=GPL', 'depends=', 'intree=Y'), []],
    ['nothing, when the entry is missing', modinfo('license=GPL'), []],
  ])('%s', (_name, module, expected) => {
    expect(dependenciesOf(module)).toEqual(expected);
  });
});

import { describe, expect, test } from 'vitest';
import { inArchive } from '../install/package-proxy.ts';

const ARCHIVES = [
  { uri: 'http://mirror.lab/debian/', label: 'Debian', codename: 'bookworm' },
  { uri: 'https://safe.lab:8443/debian-security/', label: 'Debian-Security', codename: 'bookworm-security' },
];

describe('the proxy of the installation', () => {
  test.each([
    ['http://mirror.lab/debian/dists/bookworm/Release', 'http://mirror.lab/debian/dists/bookworm/Release'],
    // The machine is told the host only; apt's own scheme is what is used.
    ['http://safe.lab:8443/debian-security/a.deb', 'https://safe.lab:8443/debian-security/a.deb'],
  ])('leads from %s to %s', (asked, to) => {
    expect(inArchive(asked, ARCHIVES)?.href).toBe(to);
  });

  test.each([
    'http://elsewhere.lab/debian/dists/bookworm/Release',
    'http://mirror.lab/other/file',
    'http://mirror.lab/debian/../other/file',
    'http://mirror.lab/debian/%2e%2e/other/file',
    'http://mirror.lab:8080/debian/file',
    'http://mirror.lab.evil.lab/debian/file',
    '/debian/file',
    '',
  ])('refuses %j', (asked) => {
    expect(inArchive(asked, ARCHIVES)).toBeUndefined();
  });
});

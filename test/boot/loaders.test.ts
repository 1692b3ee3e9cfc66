import { describe, expect, test } from 'vitest';
import type { LoaderTarget } from '../../src/boot/client.ts';
import type { LoaderName } from '../../src/boot/fields.ts';
import { chooseLoader, LOADER_FILES, type LoaderCircumstances } from '../../src/boot/loaders.ts';

const EVERYTHING = new Set(LOADER_FILES.map(({ image }) => image));
const PLAIN: LoaderCircumstances = { transport: 'tftp', proxy: false, secureBoot: false };
const PROXY = { ...PLAIN, proxy: true };
const HTTP: LoaderCircumstances = { ...PLAIN, transport: 'http' };
const SECURE = { ...PLAIN, secureBoot: true };

type Case = [LoaderTarget, LoaderName | undefined, string, LoaderCircumstances, string | undefined];
const CASES: readonly Case[] = [
  ['bios', undefined, 'plain', PLAIN, 'ipxe/undionly.kpxe'],
  ['bios', 'ipxe-native', 'plain', PLAIN, 'ipxe/ipxe.pxe'],
  ['bios', undefined, 'with a Secure Boot that BIOS does not know', SECURE, 'ipxe/undionly.kpxe'],
  ['uefi-x64', undefined, 'plain', PLAIN, 'ipxe/snponly.efi'],
  ['uefi-x64', undefined, 'behind a proxy', PROXY, 'ipxe/snponly.efi'],
  ['uefi-x64', 'grub', 'plain', PLAIN, 'grub/grubnetx64.efi'],
  ['uefi-x64', 'grub', 'behind a proxy', PROXY, 'grub/netx64.efi'],
  ['uefi-x64', 'grub', 'by HTTP boot', HTTP, 'grub/netx64.efi'],
  ['uefi-x64', 'shim', 'plain', PLAIN, 'grub/shimx64.efi'],
  ['uefi-x64', 'ipxe-native', 'plain', PLAIN, 'ipxe/ipxe.efi'],
  ['uefi-x64', undefined, 'with Secure Boot', SECURE, 'grub/shimx64.efi'],
  ['uefi-x64', 'ipxe', 'with Secure Boot, whatever is wished for', SECURE, 'grub/shimx64.efi'],
  ['uefi-x86', undefined, 'plain', PLAIN, 'ipxe/snponly-ia32.efi'],
  ['uefi-x86', 'grub', 'plain', PLAIN, 'grub/grubnetia32.efi'],
  ['uefi-x86', 'grub', 'behind a proxy', PROXY, 'grub/netia32.efi'],
  ['uefi-arm64', 'grub', 'behind a proxy', PROXY, 'grub/netaa64.efi'],
  ['uefi-arm64', undefined, 'with Secure Boot', SECURE, 'grub/shimaa64.efi'],
  ['uefi-riscv64', undefined, 'with Secure Boot, for which nothing is signed', SECURE, undefined],
];

describe('the loader table', () => {
  test.each(CASES)('%s, wishing for %s, %s', (target, wish, _, circumstances, expected) => {
    expect(chooseLoader(target, wish, EVERYTHING, circumstances).file?.path).toBe(expected);
  });

  test('gives firmware of 32 bits the GRUB made here when it has nothing else, and warns of nothing', () => {
    const choice = chooseLoader('uefi-x86', undefined, new Set(['grub/netia32.efi']));
    expect(choice.file?.path).toBe('grub/netia32.efi');
    expect(choice.warning).toBeUndefined();
  });

  test('never gives an unsigned loader to a UEFI machine with Secure Boot, and says why not', () => {
    for (const { target, loader } of LOADER_FILES.filter((file) => file.target !== 'bios')) {
      const { file, tried } = chooseLoader(target, loader, EVERYTHING, SECURE);
      expect(file?.signed ?? true).toBe(true);
      if (loader !== 'shim') expect(tried.join('\n')).toContain('is not signed, and the host has Secure Boot');
    }
  });

  test('does not give shim without the GRUB it starts', () => {
    const lone = new Set(['grub/shimx64.efi']);
    expect(chooseLoader('uefi-x64', undefined, lone, SECURE)).toMatchObject({
      tried: expect.arrayContaining(['shim: boot-images/grub/grubnetx64.efi is not installed']),
    });
    expect(chooseLoader('uefi-x64', undefined, lone, SECURE).file).toBeUndefined();
  });

  test('falls back to what is installed, with a warning where it may not find its menu', () => {
    const signed = new Set(['grub/grubnetx64.efi', 'grub/shimx64.efi']);
    expect(chooseLoader('uefi-x64', 'grub', signed, PROXY)).toMatchObject({
      file: { path: 'grub/grubnetx64.efi' },
      warning: expect.stringContaining('not from a proxy'),
    });
    expect(chooseLoader('uefi-x64', undefined, signed, { ...HTTP, secureBoot: true })).toMatchObject({
      file: { path: 'grub/shimx64.efi' },
      warning: expect.stringContaining('no network after HTTP boot'),
    });
    expect(chooseLoader('uefi-x64', 'grub', signed, PLAIN).warning).toBeUndefined();
  });
});

import { describe, expect, it, test } from 'vitest';
import { stringify } from 'yaml';
import { hostSchema } from '../../src/boot/host.ts';
import { networkSchema } from '../../src/boot/network.ts';
import { profileSchema } from '../../src/boot/profile.ts';
import { encodeNamedOption } from '../../src/dhcp/vocabulary.ts';
import { importDnsmasq } from '../../src/import/dnsmasq.ts';
import { type ImportResult, type SourceFile, toMac, toName } from '../../src/import/draft.ts';
import { importIsc } from '../../src/import/isc.ts';
import { importKea } from '../../src/import/kea.ts';
import { loaderOf } from '../../src/import/loader-names.ts';
import { importMatchbox } from '../../src/import/matchbox.ts';
import { importTftpboot, isBootConfiguration } from '../../src/import/tftpboot.ts';
import { expectGolden, goldenCases } from '../support/golden-files.ts';

const checkOption = (name: string, value: unknown) => {
  const encoded = encodeNamedOption(name, value);
  return 'problem' in encoded ? encoded.problem : undefined;
};

const IMPORTS: Readonly<Record<string, (files: readonly SourceFile[]) => ImportResult>> = {
  dnsmasq: (files) => importDnsmasq(files, checkOption),
  isc: (files) => importIsc(files, checkOption),
  kea: (files) => importKea(files, checkOption),
  matchbox: (files) => importMatchbox(files),
  tftpboot: (files) => {
    const present = files.find(({ path }) => path === 'files')?.text.split('\n') ?? [];
    return importTftpboot(
      files.filter(({ path }) => isBootConfiguration(path)),
      new Set(present),
    );
  },
};

function filesOf(input: string): readonly SourceFile[] {
  return input
    .split(/^=== /m)
    .slice(1)
    .map((part) => ({ path: part.slice(0, part.indexOf('\n')), text: part.slice(part.indexOf('\n') + 1) }));
}

function show({ objects, skipped, notes }: ImportResult): string {
  return [
    ...objects.map(
      ({ kind, name, document, from }) => `${kind} ${name}, from ${from.file}:${from.line}\n${stringify(document)}`,
    ),
    ...skipped.map(({ file, line, text, why }) => `${file}:${line}: ${text}\n    ${why}`),
    ...notes.map((note) => `to do: ${note}`),
    '',
  ].join('\n');
}

const SCHEMAS = { host: hostSchema, profile: profileSchema, network: networkSchema };

for (const [program, read] of Object.entries(IMPORTS)) {
  describe(`configuration of ${program} (D-98)`, () => {
    test.each(goldenCases(`import/${program}`).map((golden) => [golden.name, golden] as const))('%s', (_, golden) => {
      const result = read(filesOf(golden.input));
      expectGolden(golden, show(result));
      for (const { kind, name, document } of result.objects) {
        expect(SCHEMAS[kind].safeParse(document).error?.issues ?? [], `${kind} ${name}`).toEqual([]);
      }
    });

    it('that is nonsense is reported and stops nothing', () => {
      const nonsense = [
        '',
        '}{;"',
        '\u0000\u0001',
        '{"',
        '[[[[',
        'host { host { host {',
        '= = =',
        'label\nkernel\nappend\n',
      ];
      for (const text of nonsense) {
        const paths = ['pxelinux.cfg/default', 'grub.cfg-01-52-54-00-00-00-01', 'groups/x.json', 'profiles/x.json'];
        expect(() => read(paths.map((path) => ({ path, text })))).not.toThrow();
      }
    });
  });
}

describe('an imported profile', () => {
  const kernelArgs = (append: string) => {
    const text = `LABEL x\n  KERNEL vmlinuz\n  APPEND ${append}\n`;
    return importTftpboot([{ path: 'pxelinux.cfg/default', text }], new Set()).objects[0]?.document;
  };

  it.each(['inst.ks=http://x/ks', 'auto=true url=x', 'autoinstall', 'autoyast=http://x', 'install=nfs://x', 'quiet'])(
    'that boots with %s is never served without arming',
    (append) => {
      const profile = profileSchema.parse(kernelArgs(append));
      expect(profile.destructive ?? profile.kind === 'install').toBe(true);
    },
  );
});

it.each([
  ['01-52-54-00-AA-BB-CC', '52:54:00:aa:bb:cc'],
  ['1:52:54:00:aa:bb:cc', '52:54:00:aa:bb:cc'],
  ['525400aabbcc', '52:54:00:aa:bb:cc'],
  ['52:54:00:aa:bb', undefined],
])('reads %s as a MAC', (text, mac) => {
  expect(toMac(text)).toBe(mac);
});

it.each([
  ['Build01.example.org', 'build01'],
  ['lab_A 7', 'lab-a-7'],
  ['--', undefined],
])('makes a name of %s', (text, name) => {
  expect(toName(text)).toBe(name);
});

it.each([
  ['pxelinux.0', 'pxelinux'],
  ['bios/lpxelinux.0', 'lpxelinux'],
  ['ipxe/undionly.kpxe', 'ipxe'],
  ['snponly.efi', 'ipxe'],
  ['grub/grubx64.efi', 'grub'],
  ['shimx64.efi.signed', 'grub'],
  ['switch.cfg', undefined],
  ['http://x/menu.ipxe', undefined],
])('knows what loader %s is', (file, loader) => {
  expect(loaderOf(file)).toBe(loader);
});

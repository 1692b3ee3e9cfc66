/** Each helper, quoting and path form, with what it refuses. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { HELPER_NAMES, HELPERS } from '../../src/files/template-helpers.ts';
import { fileUrl } from '../../src/files/template-paths.ts';
import { QUOTE_TARGETS, quote } from '../../src/files/template-quote.ts';

const SCOPE = {
  httpBase: 'http://10.77.0.1:8080',
  token: 'a-token-of-this-machine',
  secret: (name: string) => (name === 'root' ? 'hunter2' : undefined),
};
const call = (name: string, ...args: unknown[]) => HELPERS[name]?.run(SCOPE, ...args);

describe('helpers', () => {
  it.each<[string, unknown[], unknown]>([
    ['eq', ['a', 'a'], true],
    ['eq', [1, '1'], false],
    ['ne', ['a', 'b'], true],
    ['and', [true, 1, 'x'], true],
    ['and', [true, []], false],
    ['or', [0, '', [], 'x'], true],
    ['not', [undefined], true],
    ['default', [undefined, 'd'], 'd'],
    ['default', [false, 'd'], false],
    ['list', [1, 2], [1, 2]],
    ['concat', ['a', 1, true], 'a1true'],
    ['join', [['a', 1], ', '], 'a, 1'],
    ['upper', ['ab'], 'AB'],
    ['lower', ['AB'], 'ab'],
    ['replace', ['a.b.c', '.', '$&'], 'a$&b$&c'],
    ['indent', [2, 'a\nb\n\nc'], 'a\n  b\n\n  c'],
    ['json', [{ a: [1] }], '{"a":[1]}'],
    ['json', [{ a: 1 }, 2], '{\n  "a": 1\n}'],
    ['yaml', [{ a: ['x', 'no: y'] }], 'a:\n  - x\n  - "no: y"'],
    ['b64', ['hé'], 'aMOp'],
    ['urlencode', ['a b&c/d'], 'a%20b%26c%2Fd'],
    ['quote', ['xml', '<a & "b">'], '&lt;a &amp; &quot;b&quot;&gt;'],
    ['fileUrl', ['/debian/linux'], 'http://10.77.0.1:8080/debian/linux'],
    ['fileUrl', ['a b/c#d?e%'], 'http://10.77.0.1:8080/a%20b/c%23d%3Fe%25'],
    ['fileUrl', ['https://example.net/a b'], 'https://example.net/a b'],
    ['filePath', ['pxelinux', '/debian/linux'], 'debian/linux'],
    ['filePath', ['grub', 'debian/linux'], '/debian/linux'],
    ['filePath', ['grub', 'http://10.0.0.1:81/a/b'], '(http,10.0.0.1:81)/a/b'],
    ['required', ['x', 'say so'], 'x'],
    ['required', [false, 'say so'], false],
    ['asset', ['/debian/a b'], 'http://10.77.0.1:8080/debian/a%20b'],
    ['answerUrl', ['/preseed/a.cfg'], 'http://10.77.0.1:8080/t/a-token-of-this-machine/preseed/a.cfg'],
    ['callbackUrl', ['failed'], 'http://10.77.0.1:8080/callback/a-token-of-this-machine/failed'],
    ['beaconUrl', ['disk.ready'], 'http://10.77.0.1:8080/beacon/a-token-of-this-machine/disk.ready'],
    ['secret', ['root'], 'hunter2'],
    ['filePath', ['extlinux', '/debian/linux'], 'debian/linux'],
    ['formatIp', ['address', '10.77.0.5/24'], '10.77.0.5'],
    ['formatIp', ['hex', '10.77.0.5'], '0A4D0005'],
    ['formatIp', ['number', '10.77.0.5'], '172818437'],
    ['formatIp', ['reverse', '10.77.0.5'], '5.0.77.10.in-addr.arpa'],
    ['formatIp', ['prefix', '10.77.0.5/23'], '23'],
    ['formatIp', ['netmask', '10.77.0.5/23'], '255.255.254.0'],
    ['formatIp', ['network', '10.77.1.5/23'], '10.77.0.0'],
    ['formatIp', ['broadcast', '10.77.0.5/23'], '10.77.1.255'],
    ['formatIp', ['wildcard', '10.77.0.5/23'], '0.0.1.255'],
    ['formatMac', ['upper', '52:54:00:aa:bb:01'], '525400AABB01'],
    ['formatMac', ['pxelinux', '525400aabb01'], '01-52-54-00-aa-bb-01'],
  ])('%s %j gives %j', (name, args, expected) => {
    expect(call(name, ...args)).toEqual(expected);
  });

  it.each<[string, unknown[], string]>([
    ['join', ['a', ','], 'needs a list'],
    ['join', [[{}], ','], 'an object is no text'],
    ['upper', [null], 'a value is empty'],
    ['indent', [-1, 'a'], 'columns'],
    ['replace', ['a', '', 'b'], 'empty text'],
    ['quote', ['cmd', 'a'], 'targets are ipxe'],
    ['filePath', ['uboot', 'a'], 'no path form for "uboot"'],
    ['filePath', ['extlinux', 'http://x/y'], 'this server only'],
    ['required', [undefined, 'name a disk'], 'name a disk'],
    ['required', ['', 'name a disk'], 'name a disk'],
    ['callbackUrl', ['done'], 'ends as "succeeded" or "failed"'],
    ['beaconUrl', ['a/b'], 'one word'],
    ['secret', ['rot'], 'there is no secret "rot"'],
    ['asset', ['http://x/y'], 'no file of boot-images'],
    ['asset', ['a/../../etc/passwd'], 'no file of boot-images'],
    ['asset', ['.loaders/x'], 'no file of boot-images'],
    ['formatIp', ['hex', '10.77.0.500'], 'no IPv4 address'],
    ['formatIp', ['netmask', '10.77.0.5/33'], 'no IPv4 address'],
    ['formatIp', ['netmask', '10.77.0.5'], 'needs the prefix length'],
    ['formatIp', ['octal', '10.77.0.5'], 'no IP form'],
    ['filePath', ['grub', 'https://x/y'], 'TFTP and http only'],
    ['formatMac', ['upper', 'x'], 'not a MAC'],
    ['formatMac', ['loud', '525400aabb01'], 'no MAC form'],
  ])('%s %j is refused: %s', (name, args, message) => {
    expect(() => call(name, ...args)).toThrow(message);
  });

  it('gives plain URLs where no deployment lets the machine in, and none to call back', () => {
    const scope = { ...SCOPE, token: undefined };
    expect(HELPERS.answerUrl?.run(scope, 'a.cfg')).toBe('http://10.77.0.1:8080/a.cfg');
    for (const name of ['callbackUrl', 'beaconUrl']) {
      expect(() => HELPERS[name]?.run(scope, 'succeeded')).toThrow('no deployment lets this machine in');
    }
  });

  it('all stand in docs/templates.md', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/templates.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `([a-zA-Z0-9]+)/gm)].map(([, name]) => name);
    for (const name of HELPER_NAMES) expect(rows).toContain(name);
    for (const target of QUOTE_TARGETS) expect(page).toContain(`\`${target}\``);
  });
});

describe('quote', () => {
  it.each([
    ['ipxe', 'a="b c"', 'a="b c"'],
    ['ipxe-text', 'A #1 || b && \u0024{c}\nd', 'A 1 - b - $ {c} d'],
    ['grub', 'console=ttyS0,115200', 'console=ttyS0,115200'],
    ['grub', "it's $HOME", "'it'\\''s $HOME'"],
    ['shell', '', "''"],
    ['yaml', 'a: "b"\n', '"a: \\"b\\"\\n"'],
    ['line', 'a  b', 'a  b'],
    ['kickstart', "it's", "'it'\\''s'"],
    ['preseed', 'a "b" #c', 'a "b" #c'],
    ['toml', 'a"b\u007f', '"a\\"b\\u007f"'],
    ['extlinux', 'a="b c"', 'a="b c"'],
  ])('for %s writes %j', (target, text, expected) => {
    expect(quote(target, text)).toBe(expected);
  });

  it.each([
    ['ipxe', 'a || b'],
    ['ipxe', '#comment'],
    ['ipxe', 'a \u0024{net0/ip}'],
    ['ipxe', 'a\nb'],
    ['ipxe', 'a\\'],
    ['grub', 'a\nb'],
    ['kickstart', 'a\nb'],
    ['preseed', 'a\\'],
    ['extlinux', 'a \u0024{b}'],
    ['extlinux', "it's"],
    ['extlinux', 'a\\b'],
    ['line', 'a\r\nb'],
    ['xml', 'a\u0001b'],
    ['shell', 'a\0b'],
  ])('for %s refuses %j', (target, text) => {
    expect(() => quote(target, text)).toThrow(TypeError);
  });

  it('gives a shell back exactly the text', () => {
    const texts = fc.sample(
      fc.string({ maxLength: 20 }).filter((text) => !text.includes('\0') && text.isWellFormed()),
      50,
    );
    const script = texts.map((text) => `printf '%s\\0' ${quote('shell', text)}`).join('\n');
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)).toEqual(texts);
  });

  it('gives a TOML reader exactly the text, by the escapes of JSON', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
        (text) => {
          const written = quote('toml', text);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: TOML forbids them raw
          expect(written).not.toMatch(/[\u0000-\u001f\u007f]/);
          expect(JSON.parse(written)).toBe(text);
        },
      ),
    );
  });

  it('gives a YAML reader back exactly the text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parse(quote('yaml', text))).toBe(text);
      }),
    );
  });

  it('gives a URL reader back exactly the path', () => {
    fc.assert(
      fc.property(
        fc
          .string({ minLength: 1 })
          .filter((text) => text.isWellFormed() && !/^\/|:\/\/|^\.{1,2}$|\/\.{1,2}(?:\/|$)|^\.{1,2}\//.test(text)),
        (path) => {
          expect(decodeURIComponent(new URL(fileUrl('http://h', path)).pathname)).toBe(`/${path}`);
        },
      ),
    );
  });
});

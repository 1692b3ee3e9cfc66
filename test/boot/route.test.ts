/** File-route patterns: what they match and what they take out of a path. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileRoute, fillRoute } from '../../src/boot/route.ts';
import { ipv4FromNumber, ipv4ToHex } from '../../src/net/ipv4.ts';
import { formatMac, macFromBytes } from '../../src/net/mac.ts';

const match = (pattern: string, path: string) => compileRoute({ path: pattern, template: 't.hbs' }).match(path);

describe('a pattern', () => {
  it.each([
    ['matches plain text letter by letter', 'pxelinux.0', 'pxelinux.0', {}],
    ['takes no dot for any letter', 'pxelinux.0', 'pxelinux10', undefined],
    ['captures one segment', 'a/:name/c', 'a/b/c', { name: 'b' }],
    ['captures no slash by a name', 'a/:name', 'a/b/c', undefined],
    ['captures between fixed text', ':module.c32', 'ldlinux.c32', { module: 'ldlinux' }],
    ['captures the rest', 'debian/*rest', 'debian/a/b', { rest: 'a/b' }],
    ['needs something in the rest', 'debian/*rest', 'debian/', undefined],
    ['stands at any depth with **/', '**/grub.cfg', 'a/b/grub.cfg', {}],
    ['stands at the root with **/', '**/grub.cfg', 'grub.cfg', {}],
    ['matches whole segments with **/', '**/grub.cfg', 'a/xgrub.cfg', undefined],
    ['reads a MAC after a prefix', '01-:mac', '01-52-54-00-AA-BB-01', { mac: '52-54-00-AA-BB-01' }],
    ['reads a MAC with GRUB’s colons', '01-:mac', '01-52:54:00:aa:bb:01', { mac: '52:54:00:aa:bb:01' }],
    ['takes no MAC of mixed separators', '01-:mac', '01-52-54:00-aa:bb-01', undefined],
    ['takes no short address for a hex one', 'x/:iphex', 'x/0A4D008', undefined],
    ['takes no 999 in an address', 'x/:ip', 'x/999.1.1.1', undefined],
    ['keeps regular expression signs as they are', 'a+(b)/:name', 'a+(b)/c', { name: 'c' }],
  ])('%s', (_, pattern, path, expected) => {
    expect(match(pattern, path)?.text).toEqual(expected);
  });

  it.each([
    ['a capture named twice', { path: ':mac/:mac', template: 't' }],
    ['a star in the middle', { path: 'a/*rest/b', template: 't' }],
    ['a double star that is not first', { path: 'a/**/b', template: 't' }],
    ['an image that uses what the path does not capture', { path: 'a/:name', image: 'b/:other' }],
  ])('refuses %s', (_, route) => {
    expect(() => compileRoute(route)).toThrow(SyntaxError);
  });

  it('finds any MAC in any spelling', () => {
    const bytes = fc.uint8Array({ minLength: 6, maxLength: 6 });
    const form = fc.constantFrom('colon', 'hyphen', 'dot', 'raw', 'upper');
    fc.assert(
      fc.property(bytes, form, fc.boolean(), (raw, as, upper) => {
        const mac = macFromBytes(raw);
        if (!mac) throw new Error('six bytes are a MAC');
        const text = formatMac(mac, as as 'colon');
        expect(match('cfg/:mac.xml', `cfg/${upper ? text.toUpperCase() : text}.xml`)?.mac).toBe(mac);
      }),
    );
  });

  it('finds any address in hex', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (number) => {
        const address = ipv4FromNumber(number);
        expect(match(':iphex', ipv4ToHex(address))?.ip).toBe(address);
      }),
    );
  });

  it('answers every path without throwing, and its captures put it together again', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (first, rest) => {
        const captures = match('x/:first/*rest', `x/${first}/${rest}`);
        if (captures) expect(fillRoute('x/:first/*rest', captures)).toBe(`x/${first}/${rest}`);
      }),
    );
  });
});

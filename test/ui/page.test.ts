import { createHash } from 'node:crypto';
import { Script } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { createOperatorPage } from '../../src/ui/page.ts';

const { html, contentSecurityPolicy } = createOperatorPage();
const inner = (tag: string) => new RegExp(`<${tag}>(.*?)</${tag}>`, 's').exec(html)?.[1] ?? '';
const script = inner('script');

describe('the operator page', () => {
  it('refers to nothing outside of itself', () => {
    expect(html).not.toMatch(/https?:|\/\/[a-z]|@import|url\(/i);
    expect(Array.from(html.matchAll(/(?:src|href)="([^"]*)"/g), ([, url]) => url)).toEqual(['data:,', '/docs']);
  });

  it.each(['script', 'style'])('lets just its own %s run', (tag) => {
    const hash = createHash('sha256').update(inner(tag)).digest('base64');
    expect(contentSecurityPolicy).toContain(`${tag}-src 'sha256-${hash}'`);
    expect(html.match(new RegExp(`<${tag}[ >]`, 'g'))).toHaveLength(1);
  });

  it('keeps to what its policy allows', () => {
    expect(contentSecurityPolicy).toMatch(/^default-src 'none'; /);
    expect(html).not.toMatch(/ on\w+="| style="|javascript:/);
    expect(script).not.toMatch(/innerHTML|insertAdjacentHTML|outerHTML|document\.write|eval\(|new Function|\.style\./);
  });

  it('has a script that is JavaScript', () => {
    expect(() => new Script(script)).not.toThrow();
  });

  it('has every element its script asks for, once', () => {
    const ids = Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const wanted = [...script.matchAll(/(?:byId|fillTable)\('([^']+)'/g)].map(([, id]) => id);
    expect(wanted.length).toBeGreaterThan(10);
    expect(wanted.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('follows the reader into the dark and works by keyboard', () => {
    expect(html).toContain('color-scheme: light dark');
    expect(html).toContain(':focus-visible');
    for (const [, attributes] of html.matchAll(/<div class="scroll"([^>]*)>/g))
      expect(attributes).toContain('tabindex="0"');
  });
});

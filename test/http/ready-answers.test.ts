/** What is said again without asking the reader: only to a plain GET, and only while it holds. */
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { createReadyAnswers } from '../../src/http/ready-answers.ts';
import { textContent } from './boot-fixtures.ts';

const REQUESTER = { ip: '10.77.0.5', transport: 'http', localAddress: '10.77.0.1' } as const;
const SAID = { path: 'boot.ipxe', summary: 'sent boot.ipxe' };

const ask = (method: string, url: string, headers: Record<string, string> = {}) =>
  ({ method, url, headers }) as unknown as IncomingMessage;

function kept(holdsFor = () => true, size = 7) {
  const answers = createReadyAnswers();
  answers.keep('/boot.ipxe', textContent('x'.repeat(size), { holdsFor }), SAID);
  return answers;
}

describe('a ready answer', () => {
  it('is the whole file with everything that is said of it', () => {
    const found = kept().find(ask('GET', '/boot.ipxe', { 'user-agent': 'iPXE', connection: 'keep-alive' }), REQUESTER);
    expect(found).toMatchObject({ body: 'xxxxxxx', ...SAID });
    expect(found?.head.join('|')).toBe(
      'ETag|"size-7"|Last-Modified|Fri, 02 Jan 2026 03:04:05 GMT|Accept-Ranges|bytes|Cache-Control|no-cache|' +
        'Content-Type|text/plain; charset=utf-8|Content-Length|7',
    );
  });

  it('keeps every byte', () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const answers = createReadyAnswers();
    answers.keep('/all', textContent('', { bytes, size: 256, holdsFor: () => true }), SAID);
    const body = answers.find(ask('GET', '/all'), REQUESTER)?.body ?? '';
    expect(Buffer.from(body, 'latin1').equals(bytes)).toBe(true);
  });

  it.each([
    ['another target', ask('GET', '/boot.ipxe?x')],
    ['HEAD', ask('HEAD', '/boot.ipxe')],
    ['POST', ask('POST', '/boot.ipxe')],
    ['a range', ask('GET', '/boot.ipxe', { range: 'bytes=0-1' })],
    ['a condition on the tag', ask('GET', '/boot.ipxe', { 'if-none-match': '"size-7"' })],
    ['a condition on the date', ask('GET', '/boot.ipxe', { 'if-modified-since': 'Fri, 02 Jan 2026 03:04:05 GMT' })],
    ['a body', ask('GET', '/boot.ipxe', { 'content-length': '3' })],
    ['a body in chunks', ask('GET', '/boot.ipxe', { 'transfer-encoding': 'chunked' })],
  ])('is not for %s', (_, request) => {
    expect(kept().find(request, REQUESTER)).toBeUndefined();
  });

  it('is asked about each time', () => {
    let holds = true;
    const answers = kept(() => holds);
    expect(answers.find(ask('GET', '/boot.ipxe'), REQUESTER)).toBeDefined();
    holds = false;
    expect(answers.find(ask('GET', '/boot.ipxe'), REQUESTER)).toBeUndefined();
  });

  it('is not made of what the next one may get otherwise, nor of a large file', () => {
    const ofOne = createReadyAnswers();
    ofOne.keep('/boot.ipxe', textContent('mine'), SAID);
    expect(ofOne.find(ask('GET', '/boot.ipxe'), REQUESTER)).toBeUndefined();
    expect(kept(() => true, 16 * 1024 + 1).find(ask('GET', '/boot.ipxe'), REQUESTER)).toBeUndefined();
  });

  it('is dropped for others when there are too many, the oldest first', () => {
    const answers = createReadyAnswers();
    for (let i = 0; i < 40_000; i++) answers.keep(`/${i}`, textContent('', { holdsFor: () => true }), SAID);
    expect(answers.find(ask('GET', '/0'), REQUESTER)).toBeUndefined();
    expect(answers.find(ask('GET', '/39999'), REQUESTER)).toBeDefined();
  });

  it('is dropped as well when what was asked by is long: anybody can write a query of kilobytes', () => {
    const answers = createReadyAnswers();
    const targetOf = (i: number) => `/boot.ipxe?${i}${'x'.repeat(14 * 1024)}`;
    for (let i = 0; i < 4000; i++) answers.keep(targetOf(i), textContent('', { holdsFor: () => true }), SAID);
    expect(answers.find(ask('GET', targetOf(0)), REQUESTER)).toBeUndefined();
    expect(answers.find(ask('GET', targetOf(3999)), REQUESTER)).toBeDefined();
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { selectBytes, selectRange } from '../../src/http/preconditions.ts';

const MODIFIED = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const DATE = new Date(MODIFIED).toUTCString();
const EARLIER = new Date(MODIFIED - 1000).toUTCString();
const content = { size: 100, etag: 'v1', modifiedAt: MODIFIED };

describe('selectBytes', () => {
  it.each([
    ['no condition', {}, 200],
    ['the tag it has', { 'if-none-match': '"v1"' }, 304],
    ['a weak form of the tag', { 'if-none-match': 'W/"v1"' }, 304],
    ['one tag of a list', { 'if-none-match': '"v0", "v1"' }, 304],
    ['any tag', { 'if-none-match': '*' }, 304],
    ['another tag, although the date says otherwise', { 'if-none-match': '"v0"', 'if-modified-since': DATE }, 200],
    ['the date it has', { 'if-modified-since': DATE }, 304],
    ['an earlier date', { 'if-modified-since': EARLIER }, 200],
    ['nonsense for a date', { 'if-modified-since': 'yesterday' }, 200],
    ['a required tag that is another', { 'if-match': '"v0"' }, 412],
    ['a required tag in weak form', { 'if-match': 'W/"v1"' }, 412],
    ['a required tag', { 'if-match': '"v1"' }, 200],
    ['a change since', { 'if-unmodified-since': EARLIER }, 412],
    ['no change since', { 'if-unmodified-since': DATE }, 200],
    ['a range', { range: 'bytes=0-1' }, 206],
    ['a range of the same file by tag', { range: 'bytes=0-1', 'if-range': '"v1"' }, 206],
    ['a range of the same file by weak tag', { range: 'bytes=0-1', 'if-range': 'W/"v1"' }, 200],
    ['a range of the same file by date', { range: 'bytes=0-1', 'if-range': DATE }, 206],
    ['a range of an older file', { range: 'bytes=0-1', 'if-range': EARLIER }, 200],
  ])('GET with %s', (_name, headers, status) => {
    expect(selectBytes('GET', headers, content).status).toBe(status);
  });

  it('knows no ranges for HEAD', () => {
    expect(selectBytes('HEAD', { range: 'bytes=0-1' }, content)).toEqual({ status: 200, start: 0, end: 100 });
  });
});

describe('selectRange', () => {
  it.each([
    ['bytes=0-0', { status: 206, start: 0, end: 1 }],
    ['bytes=99-', { status: 206, start: 99, end: 100 }],
    ['BYTES = 10 - 19 ', { status: 206, start: 10, end: 20 }],
    ['bytes=-100000', { status: 206, start: 0, end: 100 }],
    ['bytes=-0', { status: 416 }],
    ['bytes=100-', { status: 416 }],
    ['bytes=100-200', { status: 416 }],
    ['bytes=5-4', { status: 200, start: 0, end: 100 }],
    ['bytes=0-1,5-6', { status: 200, start: 0, end: 100 }],
    ['bytes=-', { status: 200, start: 0, end: 100 }],
    ['lines=0-1', { status: 200, start: 0, end: 100 }],
    ['bytes=1e1-', { status: 200, start: 0, end: 100 }],
  ])('%s', (header, expected) => {
    expect(selectRange(header, 100)).toEqual(expected);
  });

  it('never selects a byte outside the file', () => {
    const header = fc.oneof(
      fc.string(),
      fc.tuple(fc.maxSafeNat(), fc.maxSafeNat()).map(([a, b]) => `bytes=${a}-${b}`),
    );
    fc.assert(
      fc.property(header, fc.nat(), (text, size) => {
        const selection = selectRange(text, size);
        if (selection.status !== 206) return;
        expect(selection.start).toBeGreaterThanOrEqual(0);
        expect(selection.end).toBeGreaterThan(selection.start);
        expect(selection.end).toBeLessThanOrEqual(size);
      }),
    );
  });
});

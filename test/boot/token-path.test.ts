/** Paths that carry a boot token. */
import { describe, expect, it } from 'vitest';
import { answerPath, beaconPath, callbackPath, parseTokenPath, redactToken } from '../../src/boot/token-path.ts';

const TOKEN = 'abcdefghijklmnopqrstuvwxyz_-0123';

describe('parseTokenPath', () => {
  it.each([
    [answerPath(TOKEN, '/preseed/web.cfg'), { kind: 'file', token: TOKEN, path: 'preseed/web.cfg' }],
    [callbackPath(TOKEN, 'failed'), { kind: 'callback', token: TOKEN, outcome: 'failed' }],
    [`callback/${TOKEN}/success`, { kind: 'callback', token: TOKEN, outcome: 'succeeded' }],
    [beaconPath(TOKEN, 'disk-done'), { kind: 'beacon', token: TOKEN, word: 'disk-done' }],
  ])('%s', (path, expected) => {
    expect(parseTokenPath(path)).toEqual(expected);
  });

  it.each([
    't/short/file',
    `t/${TOKEN}`,
    `callback/${TOKEN}/__proto__`,
    `callback/${TOKEN}/maybe`,
    `callback/${TOKEN}/success/more`,
    `beacon/${TOKEN}/a b`,
    `x/t/${TOKEN}/file`,
    'debian/linux',
  ])('%s is an ordinary path', (path) => {
    expect(parseTokenPath(path)).toBeUndefined();
  });

  it('no token reaches a log', () => {
    expect(redactToken(`sent t/${TOKEN}/preseed/web.cfg, callback/${TOKEN}/failed`)).toBe(
      'sent t/…/preseed/web.cfg, callback/…/failed',
    );
    expect(redactToken(`t//${TOKEN}//ks.cfg \\t\\${TOKEN}\\ks.cfg t/./${TOKEN}/x`)).not.toContain(TOKEN);
  });
});

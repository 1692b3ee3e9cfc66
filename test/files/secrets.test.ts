/** Secrets: where values are found, who changes them, and that they stay out of texts. */
import { statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createSecrets } from '../../src/files/secrets.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

const open = (env: Record<string, string> = {}) => {
  const tree = temporaryTree({});
  return { root: tree.at('secrets'), secrets: createSecrets(tree.at('secrets'), env) };
};

describe('a secret', () => {
  test("of the host goes before everybody's, a file before the environment", async () => {
    const { secrets } = open({ HOBNAIL_SECRET_ROOT_PASSWORD: 'from env' });
    expect(secrets.read('root-password', 'web')).toBe('from env');
    await secrets.write('root-password', 'for all');
    await secrets.write('web/root-password', 'for web');
    expect([secrets.read('root-password', 'web'), secrets.read('root-password', 'db')]).toEqual(['for web', 'for all']);
    expect((await secrets.list()).map(({ name }) => name)).toEqual(['root-password', 'web/root-password']);
  });

  test('is a file only its owner reads; the newline of an editor is no part of it', async () => {
    const { root, secrets } = open();
    await secrets.write('a', 'x');
    expect(statSync(`${root}/a`).mode & 0o777).toBe(0o600);
    writeFileSync(`${root}/a`, 'typed\n');
    expect(secrets.read('a', undefined)).toBe('typed');
    expect([await secrets.remove('a'), await secrets.remove('a'), secrets.read('a', undefined)]).toEqual([
      true,
      false,
      undefined,
    ]);
  });

  test.each(['../a', 'a/b/c', '/a', '.a', 'A b', ''])('is not called %j', async (name) => {
    const { secrets } = open();
    await expect(secrets.write(name, 'x')).rejects.toMatchObject({ code: 'request-invalid' });
    expect([secrets.read(name, undefined), await secrets.remove(name)]).toEqual([undefined, false]);
  });

  test('is taken out of texts, the longest first', async () => {
    const { secrets } = open();
    await secrets.write('one', 'hunter22');
    await secrets.write('two', 'hunter22-longer');
    await secrets.write('tiny', 'no');
    expect(secrets.redact('login hunter22-longer, then hunter22: no')).toBe('login ********, then ********: no');
  });
});

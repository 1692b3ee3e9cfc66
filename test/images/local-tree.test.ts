import { mkdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { expect, it } from 'vitest';
import { copyTree } from '../../src/images/local-tree.ts';
import { temporaryTree } from '../support/temporary-tree.ts';

function sourceWith(links: Readonly<Record<string, string>>) {
  const tree = temporaryTree({ 'from/sub/deep/file': 'x', 'outside/key': 'secret' });
  mkdirSync(tree.at('staging'));
  for (const [name, target] of Object.entries(links)) symlinkSync(target, tree.at(`from/${name}`));
  const copy = () => copyTree(tree.at('.'), [{ from: 'from', to: 'os', tree: true }], tree.at('staging'));
  return { tree, copy };
}

it.each([
  ['that climbs out', { bad: '../outside/key' }],
  ['that is absolute', { bad: '/etc/passwd' }],
  // By its text alone this is "sub/key"; the directory on the way is a link, and the disk ends at outside/key.
  ['that climbs out behind another link', { deep: 'sub/deep', bad: 'deep/../../../outside/key' }],
  ['to a link that leads out', { a: '../outside', bad: 'a/key' }],
])('a link %s is refused', async (_, links) => {
  const { copy } = sourceWith(links);
  await expect(copy()).rejects.toMatchObject({
    code: 'image-invalid',
    message: expect.stringMatching(/leads out of what is taken/),
  });
});

it('a link whose text stays inside, and which ends outside by a link on its way, is refused', async () => {
  const { tree, copy } = sourceWith({ near: 'sub/x/../../sub/deep/file' });
  symlinkSync(tree.at('outside'), tree.at('from/sub/x'));
  await expect(copy()).rejects.toMatchObject({ code: 'image-invalid' });
});

it('links inside are copied as they are, also to the tree itself and to nothing', async () => {
  const { tree, copy } = sourceWith({ self: '.', file: 'sub/deep/file', nothing: 'sub/absent' });
  await copy();
  expect(['self', 'file', 'nothing'].map((name) => readlinkSync(tree.at(`staging/os/${name}`)))).toEqual([
    '.',
    'sub/deep/file',
    'sub/absent',
  ]);
});

import { expect, it } from 'vitest';
import { resolveProfiles } from '../../src/boot/extends.ts';
import { profileSchema } from '../../src/boot/profile.ts';
import { runAtOnce } from '../../src/boot/sliced.ts';

const file = (name: string, given: Record<string, unknown>) => ({
  name,
  document: profileSchema.parse(given),
  given: new Set(Object.keys(given)),
});

it.each([
  ['what extends an installer, by another kind', { extends: 'base', kind: 'live' }, true],
  ['what says that it does not', { extends: 'base', kind: 'live', destructive: false }, false],
])('%s is destructive: %o', (_, given, destructive) => {
  const { profiles } = runAtOnce(
    resolveProfiles([file('base', { kind: 'install', kernel: 'linux' }), file('own', given)]),
  );
  expect(profiles.find(({ name }) => name === 'own')).toMatchObject({ kernel: 'linux', destructive });
});

/** Catalogue and shipped profiles: what `hobnail images pull NAME` places is what the profile that goes with it loads. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Profile } from '../../src/boot/profile.ts';
import { defaultBuild } from '../../src/images/build.ts';
import { readCatalog } from '../../src/images/catalog.ts';
import { profilesOf } from '../support/catalogs.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const documents = readdirSync(join(ROOT, 'profiles'))
  .filter((file) => file.endsWith('.yaml'))
  .map((file) => [file.replace(/\.yaml$/, ''), parse(readFileSync(join(ROOT, 'profiles', file), 'utf8'))] as const);
const profiles = profilesOf(Object.fromEntries(documents));
const builds = (await readCatalog(join(ROOT, 'boot-images'))).map(defaultBuild);
const placed = new Set(builds.flatMap(({ files }) => files.map(({ to }) => to)));
const rooms = new Set([...placed].map((path) => path.split('/')[0]));

/** Files under `boot-images/` that a profile names: kernel, initrd, and `{{asset "…"}}` among its arguments. */
function pathsOf(profile: Profile): readonly string[] {
  const assets = profile.args.flatMap((arg) => [...arg.matchAll(/asset "([^"]+)"/g)].map(([, path = '']) => path));
  return [...(profile.kernel === undefined ? [] : [profile.kernel]), ...profile.initrd, ...assets];
}

describe('a shipped profile', () => {
  const known = profiles.filter((profile) => pathsOf(profile).some((path) => rooms.has(path.split('/')[0])));

  test('of each system that can be pulled is among those that are looked at', () => {
    expect(known.length).toBeGreaterThanOrEqual(10);
  });

  test.each(known.map((profile) => [profile.name, profile] as const))('%s loads what a pull places', (_, profile) => {
    expect(pathsOf(profile).filter((path) => !placed.has(path))).toEqual([]);
  });
});

describe('an entry of the catalogue', () => {
  const going = builds.filter(({ entry }) => entry.profile !== undefined);

  test.each(going.map((build) => [build.name, build] as const))('%s goes with a profile that loads it', (_, build) => {
    const profile = profiles.find(({ name }) => name === build.entry.profile);
    const places = build.files.map(({ to }) => to);
    expect(profile && pathsOf(profile).length).toBeGreaterThan(0);
    expect(profile && pathsOf(profile).filter((path) => !places.includes(path))).toEqual([]);
  });

  const templates = builds.flatMap(({ name, entry }) => entry.templates.map((template) => [name, template] as const));
  test.each(templates)('%s goes with the template %s, which is there', (_, template) => {
    expect(existsSync(join(ROOT, 'templates', template))).toBe(true);
  });

  test('is of the version that the profile fetches the rest of', () => {
    const vars = (name: string) => profiles.find((profile) => profile.name === name)?.vars;
    const build = (name: string) => builds.find((one) => one.name === name);
    expect(build('ubuntu')?.source).toEqual({ iso: vars('install-ubuntu')?.iso });
    expect(vars('install-talos')?.talos_image).toMatch(new RegExp(`:v${build('talos')?.version}$`));
    expect(vars('install-rocky')?.repo).toContain(`/${build('rocky')?.version}/`);
    expect(vars('install-opensuse')?.repo).toContain(`/${build('opensuse-leap')?.version}/`);
    const alpine = build('alpine')?.version?.split('.').slice(0, 2).join('.');
    expect(vars('install-alpine')?.repo).toContain(`/v${alpine}/`);
  });
});

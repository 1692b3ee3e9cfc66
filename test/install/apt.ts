/** The archives this system's own apt installs from, and files of them by apt: nothing of a mirror is written down here. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../src/lab/command.ts';

export interface Archive {
  /** `http://mirror.example/debian/`, with the slash. */
  readonly uri: string;
  /** `Debian`, `Debian-Security`. */
  readonly label: string;
  readonly codename: string;
}

/** One record of a package list. */
export type Package = ReadonlyMap<string, string>;

const FIELDS = ['REPO_URI', 'LABEL', 'CODENAME'];
/** Of the package debian-archive-keyring, which every Debian has. */
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Each archive once, as apt's lists know them; empty before the first `apt-get update`. */
export async function readArchives(): Promise<readonly Archive[]> {
  const format = FIELDS.map((field) => `$(${field})`).join('\t');
  const listed = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  return [...new Set(listed.split('\n').filter(Boolean))].map((line) => {
    const [uri = '', label = '', codename = ''] = line.split('\t');
    return { uri, label, codename };
  });
}

/** The HTTP proxy apt goes through, in the form of an environment; empty when it connects by itself. */
export async function readAptProxy(): Promise<Readonly<Record<string, string>>> {
  const told = await run('apt-config', ['shell', 'http', 'Acquire::http::Proxy', 'https', 'Acquire::https::Proxy']);
  const proxies = Object.fromEntries(
    [...told.matchAll(/^(https?)='(.*)'$/gm)].map(([, scheme, url = '']) => [`${scheme}_proxy`, url]),
  );
  const { http_proxy, https_proxy, no_proxy } = { ...process.env, ...proxies };
  const known = Object.entries({ http_proxy, https_proxy, no_proxy });
  return Object.fromEntries(
    known.flatMap(([name, value]) => (value && !/^direct$/i.test(value) ? [[name, value]] : [])),
  );
}

/** The package list of one part of a Debian archive, kept apart from the system's and checked by apt. */
export async function openList(archive: Archive, component: string, directory: string): Promise<readonly Package[]> {
  const place = (name: string) => join(directory, name);
  for (const name of ['parts', 'lists/partial', 'cache/archives/partial'])
    await mkdir(place(name), { recursive: true });
  const source = `deb [signed-by=${KEYRING}] ${archive.uri} ${archive.codename} ${component}\n`;
  await writeFile(place('parts/own.list'), source);
  const settings = [
    'Dir::Etc::SourceList=/dev/null',
    `Dir::Etc::SourceParts=${place('parts')}`,
    `Dir::State::Lists=${place('lists')}`,
    `Dir::Cache=${place('cache')}`,
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting]);
  await run('apt-get', ['-qq', ...settings, 'update'], { timeoutMs: 120_000 });
  const listed = await run('apt-get', [...settings, 'indextargets', '--format', '$(FILENAME)', 'Created-By: Packages']);
  const [file = ''] = listed.split('\n');
  return readPackages(await run('/usr/lib/apt/apt-helper', ['cat-file', file]));
}

function readPackages(text: string): readonly Package[] {
  return text
    .split(/\n\n+/)
    .filter((record) => record.trim() !== '')
    .map(
      (record) =>
        new Map([...record.matchAll(/^([A-Za-z-]+): (.*)$/gm)].map(([, key = '', value = '']) => [key, value])),
    );
}

/** Fetches packages of the system's own archives and unpacks them into `directory`, one over the other. */
export async function unpackPackages(names: readonly string[], directory: string): Promise<void> {
  const cache = `${directory}.debs`;
  await mkdir(cache, { recursive: true });
  await mkdir(join(directory, '.control'), { recursive: true });
  await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...names], {
    cwd: cache,
    timeoutMs: 300_000,
  });
  const debs = (await run('find', [cache, '-name', '*.deb'])).split('\n').filter(Boolean);
  for (const deb of debs) {
    await run('dpkg-deb', ['--extract', deb, directory]);
    const name = /([^/_]+)_[^/]*$/.exec(deb)?.[1] ?? '';
    await run('dpkg-deb', ['--control', deb, join(directory, '.control', name)]);
  }
}

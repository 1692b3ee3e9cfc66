/** The shipped templates, as the golden tests rendered them, judged by the programs that read such files. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Target, targetOf } from '../../src/files/lint/targets.ts';
import { goldenCases } from '../support/golden-files.ts';
import { checkRequirements } from './requirements.ts';

const ready = await checkRequirements('readers');
const folder = mkdtempSync(join(tmpdir(), 'hobnail-readers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const PYTHON_YAML = ['/usr/bin/python3', '-c', 'import sys, yaml; list(yaml.safe_load_all(open(sys.argv[1])))'];
const PYTHON_TOML = ['/usr/bin/python3', '-c', 'import sys, tomllib; tomllib.load(open(sys.argv[1], "rb"))'];
/** What Anaconda does with each command line of a kickstart file. */
const PYTHON_SHLEX = [
  'python3',
  '-c',
  'import sys, shlex; [shlex.split(line, comments=True) for line in open(sys.argv[1])]',
];

/** The reader of a target: called with a file, it says by its exit code whether the file is good. */
const READERS: Readonly<Partial<Record<Target | 'shell', readonly string[]>>> = {
  grub: ['grub-script-check'],
  preseed: ['debconf-set-selections', '-c'],
  kickstart: PYTHON_SHLEX,
  'cloud-config': ['cloud-init', 'schema', '-c'],
  'network-config': PYTHON_YAML,
  talos: PYTHON_YAML,
  yaml: PYTHON_YAML,
  autoyast: ['xmllint', '--noout'],
  xml: ['xmllint', '--noout'],
  ignition: ['ignition-validate'],
  proxmox: PYTHON_TOML,
  shell: ['sh', '-n'],
};

const cases = goldenCases('templates').flatMap((golden) => {
  const [, template, text] = /^[^\n]+\ntemplate (\S+)[^\n]*\n\n(.*)$/s.exec(golden.expected) ?? [];
  if (template === undefined || text === undefined) return [];
  const target = template === 'alpine/answers.hbs' ? 'shell' : targetOf(template, '', text);
  const reader = READERS[target];
  return reader ? [{ name: golden.name.replaceAll('-', ' '), target, reader, text }] : [];
});

describe.runIf(ready)('what is rendered', () => {
  it.each(cases)('is accepted by its reader: $name ($target)', ({ reader: [program = '', ...args], text }) => {
    const file = join(folder, 'file');
    writeFileSync(file, text);
    const { status, stdout, stderr } = spawnSync(program, [...args, file], { encoding: 'utf8' });
    const said = `${stdout}${stderr}`;
    expect({ status, said }).toEqual({ status: 0, said });
    expect(said).not.toMatch(/warning|error/i);
  });

  it('is something for every reader', () => {
    expect([...new Set(cases.map(({ target }) => target))].sort()).toEqual(Object.keys(READERS).sort());
  });

  it.each<[Target | 'shell', string]>([
    ['grub', 'if true; then\n'],
    ['preseed', 'd-i passwd/make-user\n'],
    ['kickstart', "lang 'en\n"],
    ['cloud-config', '#cloud-config\nruncmd: 1\n'],
    ['yaml', 'a: "\n'],
    ['autoyast', '<profile>'],
    ['ignition', '{ "ignition": { "version": "9.9.9" } }'],
    ['proxmox', 'a = \n'],
    ['shell', 'A="\n'],
  ])('would be refused by the reader of %s if it were %j', (target, text) => {
    const [program = '', ...args] = READERS[target] ?? [];
    const file = join(folder, 'bad');
    writeFileSync(file, text);
    expect(spawnSync(program, [...args, file]).status).not.toBe(0);
  });

  it('gives Alpine the very values: a shell reads its answers', () => {
    const { text = '' } = cases.find(({ target }) => target === 'shell') ?? {};
    const file = join(folder, 'answers');
    writeFileSync(file, text);
    const script = '. "$1"; printf "%s\\n" "$HOSTNAMEOPTS" "$ROOTSSHKEY" "$DISKOPTS"';
    expect(execFileSync('sh', ['-c', script, 'sh', file], { encoding: 'utf8' })).toBe(
      'db01\nssh-ed25519 AAAAC3Nza it\'s "ann" & co\n-m sys /dev/vda\n',
    );
  });
});

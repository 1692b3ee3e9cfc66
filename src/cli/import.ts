/** `hobnail import`: what another server's files say, as hosts, networks and profiles. A plan first; `--write` carries it out. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { styleText } from 'node:util';
import type { Command } from 'commander';
import { encodeNamedOption } from '../dhcp/vocabulary.ts';
import { AppError, messageOf, type Problem } from '../errors.ts';
import { writeYaml } from '../files/yaml-edit.ts';
import { importDnsmasq } from '../import/dnsmasq.ts';
import type { DraftObject, ImportResult, SourceFile } from '../import/draft.ts';
import { importIsc } from '../import/isc.ts';
import { importKea } from '../import/kea.ts';
import { importMatchbox } from '../import/matchbox.ts';
import { importTftpboot, isBootConfiguration } from '../import/tftpboot.ts';
import type { Cli } from './cli.ts';
import { type House, inHouse } from './house.ts';
import { EXIT } from './output.ts';

interface Source {
  readonly name: string;
  readonly takes: string;
  readonly does: string;
  read(paths: readonly string[]): ImportResult;
}

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_FILES = 20_000;

const SOURCES: readonly Source[] = [
  {
    name: 'tftpboot',
    takes: 'a TFTP root with pxelinux.cfg/ or grub.cfg files',
    does: 'hosts from pxelinux.cfg/01-<mac> and grub.cfg-01-<mac>, profiles from what they boot',
    read([root = '.', ...more]) {
      if (more.length > 0) throw new AppError('request-invalid', 'give one directory');
      const all = listFiles(root, () => true);
      const files = all.filter(isBootConfiguration).map((path) => readSource(join(root, path), path));
      return importTftpboot(files, new Set(all));
    },
  },
  {
    name: 'dnsmasq',
    takes: 'dnsmasq.conf, files of dnsmasq.d, or a directory of them',
    does: 'networks from dhcp-range and dhcp-option, hosts from dhcp-host',
    read: (paths) => importDnsmasq(readAll(paths, /\.conf$|^[^.]+$/), checkOption),
  },
  {
    name: 'isc',
    takes: 'dhcpd.conf and what it includes',
    does: 'networks from subnets, hosts from host blocks',
    read: (paths) => importIsc(readAll(paths, /\.conf$/), checkOption),
  },
  {
    name: 'kea',
    takes: 'kea-dhcp4.conf',
    does: 'networks from subnet4, hosts from reservations',
    read: (paths) => importKea(readAll(paths, /\.(?:conf|json)$/), checkOption),
  },
  {
    name: 'matchbox',
    takes: 'its data directory, with groups/ and profiles/',
    does: 'hosts from groups that select by MAC, profiles from profiles',
    read: ([root = '.', ...more]) => {
      if (more.length > 0) throw new AppError('request-invalid', 'give one directory');
      const wanted = (path: string) => /^(?:groups|profiles)\/[^/]+\.json$/.test(path);
      return importMatchbox(listFiles(root, wanted).map((path) => readSource(join(root, path), path)));
    },
  },
];

export function addImportCommands(program: Command, cli: Cli): void {
  const command = program
    .command('import')
    .description("take over another server's machines: a plan first, written with --write")
    .addHelpText('after', IMPORT_HELP);
  for (const source of SOURCES) {
    command
      .command(source.name)
      .description(source.does)
      .argument('<path...>', source.takes)
      .option('--write', 'write the files; without it nothing is changed')
      .action(async (paths: readonly string[], { write = false }: { write?: boolean }) => {
        const result = source.read(paths);
        const outcome = await inHouse(cli, (house) => carryOut(house, result, write));
        if (outcome.problems.length > 0) cli.exitWith(EXIT.failed);
        const output = cli.output();
        if (output.format === 'text') output.problems(outcome.problems);
        output.result(() => formatPlan(result, outcome, write), { ...result, ...outcome });
      });
  }
}

const IMPORT_HELP = `
Examples:
  hobnail import tftpboot /srv/tftp                  what would become of it
  hobnail import dnsmasq /etc/dnsmasq.conf /etc/dnsmasq.d
  hobnail import isc /etc/dhcp/dhcpd.conf --write

Files that are there already are never overwritten. Every line that could not be carried over is listed with its place and the
reason. A profile whose kernel may be an installer becomes destructive: it is served only when a host is armed.`;

interface Outcome {
  /** Files that were written, or would be. */
  readonly files: readonly { readonly file: string; readonly text: string }[];
  /** Objects left out because their file is there already. */
  readonly kept: readonly string[];
  readonly problems: readonly Problem[];
  readonly written: boolean;
}

async function carryOut(house: House, { objects }: ImportResult, write: boolean): Promise<Outcome> {
  const there = await house.exportFiles();
  const isThere = (object: DraftObject) => Object.hasOwn(there, pathOf(object));
  const kept = objects.filter(isThere).map(({ kind, name }) => `${kind} ${name}`);
  const texts = Object.fromEntries(
    objects.filter((one) => !isThere(one)).map((one) => [pathOf(one), textOf(one)] as const),
  );
  const files = Object.entries(texts).map(([file, text]) => ({ file, text }));
  try {
    await (write ? house.apply({ files: texts }) : house.plan({ files: texts }));
    return { files, kept, problems: [], written: write };
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'inventory-invalid') throw error;
    return { files, kept, problems: error.problems, written: false };
  }
}

/** Where an object is in the tree. */
function pathOf({ kind, name }: DraftObject): string {
  return kind === 'profile' ? `profiles/${name}.yaml` : `profiles/${kind}s/${name}.yaml`;
}

function textOf({ document, from }: DraftObject): string {
  return `# From ${from.file}:${from.line}\n${writeYaml(document)}`;
}

function formatPlan(
  { skipped, notes }: ImportResult,
  { files, kept, written, problems }: Outcome,
  asked: boolean,
): string {
  const heading = (text: string) => ['', styleText('bold', text)];
  const verb = written ? 'Written' : 'Would be written';
  return [
    styleText('bold', `${verb}: ${files.length} files`),
    ...files.flatMap(({ file, text }) => [
      '',
      file,
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => `  ${line}`),
    ]),
    ...(kept.length > 0 ? [...heading('There already, and left as they are'), ...kept.map((name) => `  ${name}`)] : []),
    ...(skipped.length > 0 ? heading(`Not carried over: ${skipped.length} lines`) : []),
    ...skipped.map(({ file, line, text, why }) => `  ${file}:${line}: ${text}\n      ${why}`),
    ...(notes.length > 0 ? [...heading('Left to do'), ...notes.map((note) => `  - ${note}`)] : []),
    '',
    problems.length > 0
      ? 'Nothing was written: the problems above come first.'
      : written || asked
        ? 'Look at them, then "hobnail check".'
        : 'Nothing was changed. Add --write to write these files.',
  ].join('\n');
}

function checkOption(name: string, value: unknown): string | undefined {
  const encoded = encodeNamedOption(name, value);
  return 'problem' in encoded ? encoded.problem : undefined;
}

/** Files as named; of a directory those whose name fits. */
function readAll(paths: readonly string[], wanted: RegExp): readonly SourceFile[] {
  return paths.flatMap((path) => {
    if (!statOf(path).isDirectory()) return [readSource(path, path)];
    return listFiles(path, (name) => !name.includes('/') && wanted.test(name)).map((name) =>
      readSource(join(path, name), join(path, name)),
    );
  });
}

function readSource(file: string, path: string): SourceFile {
  const { size } = statOf(file);
  if (size > MAX_FILE_BYTES) throw new AppError('request-invalid', `${file} is larger than 4 MiB: no configuration`);
  try {
    return { path, text: readFileSync(file, 'utf8') };
  } catch (error) {
    throw new AppError('request-invalid', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function statOf(path: string): ReturnType<typeof statSync> & object {
  try {
    return statSync(path);
  } catch (error) {
    throw new AppError('not-found', `cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** Paths below a directory in order, with forward slashes; links to directories are not followed, so no circle is walked. */
function listFiles(root: string, wanted: (path: string) => boolean): readonly string[] {
  if (!statOf(root).isDirectory()) throw new AppError('request-invalid', `${root} is no directory`);
  const found = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter(wanted)
    .sort();
  if (found.length > MAX_FILES) throw new AppError('request-invalid', `${root} holds more than ${MAX_FILES} files`);
  return found;
}

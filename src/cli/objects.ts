/** `hobnail profile`, `group`, `network`: what machines get, as files. A running appliance sees each change at once. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { parse } from 'yaml';
import type { ObjectKind, PlainObject } from '../boot/edit.ts';
import type { Core } from '../core.ts';
import { AppError, messageOf } from '../errors.ts';
import type { Cli } from './cli.ts';
import { requireGoodFiles, withCore } from './offline.ts';
import { formatTable } from './output.ts';

interface Kind {
  readonly kind: Exclude<ObjectKind, 'host' | 'routes'>;
  readonly about: string;
  readonly columns: readonly string[];
  readonly example: string;
  rows(core: Core): readonly (readonly string[])[];
}

const KINDS: readonly Kind[] = [
  {
    kind: 'profile',
    about: 'what machines get',
    columns: ['name', 'kind', 'writes to disks', 'hosts', 'title'],
    example: 'hobnail profile set rescue timeoutSeconds=30 title="Rescue system"',
    rows(core) {
      const { profiles, hosts } = core.inventory.snapshot();
      const used = Map.groupBy(hosts.values(), ({ profile }) => profile);
      return [...profiles.values()].map(({ name, kind, destructive, title = '' }) => {
        return [name, kind, destructive ? 'yes, only when armed' : 'no', String(used.get(name)?.length ?? 0), title];
      });
    },
  },
  {
    kind: 'group',
    about: 'what several machines have in common',
    columns: ['name', 'priority', 'profile', 'selects by'],
    example: 'hobnail group set rack1 priority=20',
    rows: (core) =>
      core.inventory.snapshot().groups.map(({ name, priority, profile = '-', select }) => {
        return [name, String(priority), profile, Object.keys(select).join(', ')];
      }),
  },
  {
    kind: 'network',
    about: 'the wires that are served',
    columns: ['name', 'mode', 'interface', 'unknown machines get'],
    example: 'hobnail network set lab leaseSeconds=7200',
    rows: (core) =>
      [...core.inventory.snapshot().networks.values()].map(({ name, mode, interface: on = '-', unknown }) => {
        return [name, mode, on, unknown];
      }),
  },
];

export function addObjectCommands(program: Command, cli: Cli): void {
  for (const one of KINDS) addKind(program, cli, one);
}

function addKind(program: Command, cli: Cli, { kind, about, columns, example, rows }: Kind): void {
  const command = program.command(kind).description(`${about}; as files under profiles/`);

  command
    .command('ls')
    .description(`every ${kind}`)
    .action(async () => {
      const found = await withGood(cli, async (core) => [...rows(core)].sort(([a = ''], [b = '']) => (a < b ? -1 : 1)));
      cli.output().result(
        () => (found.length === 0 ? `No ${kind}s yet.` : formatTable(columns, found)),
        found.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]]))),
      );
    });

  command
    .command('show')
    .description('its file, comments and all')
    .argument('<name>')
    .action(async (name: string) => {
      const file = await withCore(cli, (core) => core.inventory.readObject(kind, name));
      cli.output().result(file.text, file);
    });

  command
    .command('add')
    .description(`a new ${kind} from a YAML file`)
    .argument('<name>')
    .requiredOption('-f, --file <file>', 'its text; - reads standard input')
    .action(async (name: string, { file }: { file: string }) => {
      const text = readText(file);
      await withGood(cli, async (core) => {
        const taken = await core.inventory.readObject(kind, name).then(
          () => true,
          () => false,
        );
        if (taken) throw new AppError('already-exists', `there is a ${kind} "${name}" already`);
        await core.inventory.writeObject(kind, name, { kind: 'text', text });
      });
      cli.output().result(`${kind} ${name} is added.`, { added: name });
    });

  command
    .command('set')
    .description('change fields; comments in its file stay')
    .argument('<name>')
    .argument('<field=value...>', 'YAML values; a.b=1 reaches inside; a= takes the field away', collectField)
    .addHelpText('after', `\nExample:\n  ${example}`)
    .action(async (name: string, patch: PlainObject) => {
      const file = await withGood(cli, (core) => core.inventory.writeObject(kind, name, { kind: 'merge', patch }));
      cli.output().result(file.text, file);
    });

  command
    .command('rm')
    .description(`remove a ${kind}; refused while something names it`)
    .argument('<name>')
    .action(async (name: string) => {
      await withGood(cli, (core) => core.inventory.deleteObject(kind, name));
      cli.output().result(`${kind} ${name} is removed.`, { removed: name });
    });
}

function withGood<T>(cli: Cli, use: (core: Core) => Promise<T>): Promise<T> {
  return withCore(cli, async (core) => {
    requireGoodFiles(core);
    return await use(core);
  });
}

function readText(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new AppError('not-found', `cannot read ${file}: ${messageOf(error)}`, { cause: error });
  }
}

/** `vars.console=ttyS0` → `{ vars: { console: 'ttyS0' } }`, one merge patch of all of them. */
function collectField(text: string, before: PlainObject = {}): PlainObject {
  const [, path, value = ''] = /^([A-Za-z][\w.-]*)=(.*)$/s.exec(text) ?? [];
  if (path === undefined) throw new InvalidArgumentError('Write field=value.');
  let leaf: unknown;
  try {
    leaf = value === '' ? null : parse(value);
  } catch (error) {
    throw new InvalidArgumentError(`The value is no YAML: ${messageOf(error)}`);
  }
  const place = (into: PlainObject, [first = '', ...rest]: readonly string[]): PlainObject => {
    const inner = into[first];
    const isInner = typeof inner === 'object' && inner !== null && !Array.isArray(inner);
    return { ...into, [first]: rest.length === 0 ? leaf : place(isInner ? (inner as PlainObject) : {}, rest) };
  };
  return place(before, path.split('.'));
}

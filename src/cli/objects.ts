/** `hobnail profile`, `group`, `network`: what machines get. A running appliance sees each change at once. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { parse } from 'yaml';
import type { PlainObject } from '../boot/edit.ts';
import { AppError, messageOf } from '../errors.ts';
import type { Cli } from './cli.ts';
import { inHouse, type ListedKind } from './house.ts';
import { COLUMNS } from './object-rows.ts';
import { formatTable } from './output.ts';

interface Kind {
  readonly kind: ListedKind;
  readonly about: string;
  readonly example: string;
}

const KINDS: readonly Kind[] = [
  {
    kind: 'profile',
    about: 'what machines get',
    example: 'hobnail profile set rescue timeoutSeconds=30 title="Rescue system"',
  },
  {
    kind: 'group',
    about: 'what several machines have in common',
    example: 'hobnail group set rack1 priority=20',
  },
  {
    kind: 'network',
    about: 'the wires that are served',
    example: 'hobnail network set lab leaseSeconds=7200',
  },
];

export function addObjectCommands(program: Command, cli: Cli): void {
  for (const one of KINDS) addKind(program, cli, one);
}

function addKind(program: Command, cli: Cli, { kind, about, example }: Kind): void {
  const columns = COLUMNS[kind];
  const command = program.command(kind).description(`${about}; as files under profiles/`);

  command
    .command('ls')
    .description(`every ${kind}`)
    .action(async () => {
      const found = await inHouse(cli, (house) => house.listObjects(kind));
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
      const file = await inHouse(cli, (house) => house.readObject(kind, name));
      cli.output().result(file.text, file);
    });

  command
    .command('add')
    .description(`a new ${kind} from a YAML file`)
    .argument('<name>')
    .requiredOption('-f, --file <file>', 'its text; - reads standard input')
    .action(async (name: string, { file }: { file: string }) => {
      const text = readText(file);
      await inHouse(cli, (house) => house.addObject(kind, name, text));
      cli.output().result(`${kind} ${name} is added.`, { added: name });
    });

  command
    .command('set')
    .description('change fields; comments in its file stay')
    .argument('<name>')
    .argument('<field=value...>', 'YAML values; a.b=1 reaches inside; a= takes the field away', collectField)
    .addHelpText('after', `\nExample:\n  ${example}`)
    .action(async (name: string, patch: PlainObject) => {
      const file = await inHouse(cli, (house) => house.mergeObject(kind, name, patch));
      cli.output().result(file.text, file);
    });

  command
    .command('rm')
    .description(`remove a ${kind}; refused while something names it`)
    .argument('<name>')
    .action(async (name: string) => {
      await inHouse(cli, (house) => house.removeObject(kind, name));
      cli.output().result(`${kind} ${name} is removed.`, { removed: name });
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

/** `hobnail secret`: values templates read. They go to the running appliance and never come back. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { AppError } from '../errors.ts';
import type { Cli } from './cli.ts';
import { formatTable } from './output.ts';
import { connect, REMOTE_HELP } from './remote.ts';

interface SecretView {
  readonly name: string;
  readonly changedAt: number;
}

export function addSecretCommands(program: Command, cli: Cli): void {
  const secret = program
    .command('secret')
    .description('values that templates read, and nobody else')
    .addHelpText('after', REMOTE_HELP);

  secret
    .command('ls')
    .description('names, and when each was set; never a value')
    .action(async () => {
      const { items } = await connect(cli).ask<{ items: readonly SecretView[] }>('GET', '/secrets');
      cli.output().result(() => {
        const rows = items.map(({ name, changedAt }) => [name, new Date(changedAt).toISOString()]);
        return rows.length === 0 ? 'No secrets.' : formatTable(['name', 'set'], rows);
      }, items);
    });

  secret
    .command('set')
    .description('set one to what standard input says, without its last line end')
    .argument('<name>', 'root-password, or web01/root-password for one host')
    .addHelpText(
      'after',
      `${REMOTE_HELP}
An argument would stay in the history of the shell and in the list of processes; standard input does not.

Example:
  openssl passwd -6 | hobnail secret set root-password`,
    )
    .action(async (name: string) => {
      const remote = connect(cli);
      const value = readValue();
      await remote.ask('PUT', pathOf(name), { value });
      cli.output().result(`Secret ${name} is set.`, { set: name });
    });

  secret
    .command('rm')
    .description('remove one; templates that name it fail from then on')
    .argument('<name>')
    .action(async (name: string) => {
      await connect(cli).ask('DELETE', pathOf(name));
      cli.output().result(`Secret ${name} is removed.`, { removed: name });
    });
}

function readValue(): string {
  if (process.stdin.isTTY) {
    const advice = 'Write "… | hobnail secret set NAME", or "hobnail secret set NAME < FILE".';
    throw new AppError(
      'request-invalid',
      `A secret comes by standard input, and this is a terminal: it would be seen. ${advice}`,
    );
  }
  const bytes = readFileSync(0);
  const value = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (value === '') throw new AppError('request-invalid', 'Standard input is empty: there is no secret in it.');
  if (!Buffer.from(bytes.toString('utf8')).equals(bytes)) {
    throw new AppError('request-invalid', 'Standard input is not UTF-8. Encode binary values, by base64 for one.');
  }
  return value;
}

/** The slash between a host and a name is one of the path. */
function pathOf(name: string): string {
  return `/secrets/${name.split('/').map(encodeURIComponent).join('/')}`;
}

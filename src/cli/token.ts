/** `hobnail token`: operators' logins for the API and the page. */
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { TOKEN_ROLES, type TokenRole } from '../boot/token.ts';
import { AppError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { Cli } from './cli.ts';
import { formatTable } from './output.ts';

export function addTokenCommands(program: Command, cli: Cli): void {
  const token = program.command('token').description('logins for the API and the page');

  token
    .command('add')
    .description('make a token and print it, once')
    .argument('<name>', 'who it is for')
    .addOption(
      new Option('--role <role>', 'viewer looks, operator runs machines, admin may everything')
        .choices(TOKEN_ROLES)
        .default('admin'),
    )
    .action(async (name: string, { role }: { role: TokenRole }) => {
      const secret = await withStore(cli, ({ tokens }) => tokens.create(name, role));
      cli.output().note(`Token for ${name}; it is not shown again:`);
      cli.output().result(secret, { name, role, token: secret });
    });

  token
    .command('ls')
    .description('list tokens, without their secrets')
    .action(async () => {
      const tokens = await withStore(cli, (store) => store.tokens.list());
      cli.output().result(
        () =>
          formatTable(
            ['name', 'role', 'created'],
            tokens.map(({ name, role, createdAt }) => [name, role, new Date(createdAt).toISOString()]),
          ),
        tokens,
      );
    });

  token
    .command('rm')
    .description('take a token back, at once')
    .argument('<name>')
    .action(async (name: string) => {
      const gone = await withStore(cli, ({ tokens }) => tokens.revoke(name));
      if (!gone) throw new AppError('not-found', `there is no token "${name}"; see "hobnail token ls"`);
      cli.output().result(`${name} cannot log in any more.`, { revoked: name });
    });
}

async function withStore<T>(cli: Cli, use: (store: Store) => Promise<T>): Promise<T> {
  const { data } = cli.config().config.paths;
  const { createStore } = await import('../store/store.ts');
  const store = await createStore({
    file: join(data, 'hobnail.db'),
    now: Date.now,
    log: { warn: (message: unknown) => cli.output().note(String(message)) },
  });
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

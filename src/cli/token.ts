/** `hobnail token`: operators' logins for the API and the page. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import type { AuditEntry } from '../boot/audit.ts';
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
      const secret = await withStore(cli, async (store) => {
        const made = await store.tokens.create(name, role);
        await store.audit.append({ ...entryOf('hobnail token add', name), after: role });
        return made;
      });
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
      const gone = await withStore(cli, async ({ tokens, audit }) => {
        const done = await tokens.revoke(name);
        if (done) await audit.append(entryOf('hobnail token rm', name));
        return done;
      });
      if (!gone) throw new AppError('not-found', `there is no token "${name}"; see "hobnail token ls"`);
      cli.output().result(`${name} cannot log in any more.`, { revoked: name });
    });
}

/** Who may read the database's file may do everything. */
function entryOf(action: string, name: string): AuditEntry {
  const who = `shell:${userInfo().username}`;
  return { at: Date.now(), who, role: 'admin', action, target: `token ${name}`, status: 200 };
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

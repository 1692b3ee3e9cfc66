/** `hobnail token`: operators' logins for the API and the page. */
import { type Command, Option } from 'commander';
import { TOKEN_ROLES, type TokenRole } from '../boot/token.ts';
import type { Cli } from './cli.ts';
import { inHouse } from './house.ts';
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
      const secret = await inHouse(cli, (house) => house.addToken(name, role));
      cli.output().note(`Token for ${name}; it is not shown again:`);
      cli.output().result(secret, { name, role, token: secret });
    });

  token
    .command('ls')
    .description('list tokens, without their secrets')
    .action(async () => {
      const tokens = await inHouse(cli, (house) => house.listTokens());
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
      await inHouse(cli, (house) => house.removeToken(name));
      cli.output().result(`${name} cannot log in any more.`, { revoked: name });
    });
}

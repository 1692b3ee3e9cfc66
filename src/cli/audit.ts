/** `hobnail audit`: who changed what by the running appliance's API. */
import type { Command } from 'commander';
import { wholeNumber } from './arguments.ts';
import type { Cli } from './cli.ts';
import { formatTable } from './output.ts';
import { connect, REMOTE_HELP } from './remote.ts';

interface AuditView {
  readonly at: number;
  readonly who: string;
  readonly role: string;
  readonly action: string;
  readonly target: string;
  readonly status: number;
}

interface Options {
  readonly who?: string;
  readonly target?: string;
  readonly limit: number;
}

export function addAuditCommand(program: Command, cli: Cli): void {
  program
    .command('audit')
    .description('who changed what, the newest first')
    .option('--who <name>', 'by one token')
    .option('--target <text>', 'of one object: "host web01"')
    .option('--limit <count>', 'so many, 1000 at most', wholeNumber, 50)
    .addHelpText('after', REMOTE_HELP)
    .action(async ({ who, target, limit }: Options) => {
      const query = new URLSearchParams({
        limit: String(limit),
        ...(who !== undefined && { who }),
        ...(target !== undefined && { target }),
      });
      const { items } = await connect(cli).ask<{ items: readonly AuditView[] }>('GET', `/audit?${query}`);
      cli.output().result(() => {
        const rows = items.map((entry) => {
          const { at, role, action, status } = entry;
          return [new Date(at).toISOString(), entry.who, role, String(status), entry.target, action];
        });
        return rows.length === 0
          ? 'Nothing was changed by the API.'
          : formatTable(['when', 'who', 'role', 'status', 'what', 'how'], rows);
      }, items);
    });
}

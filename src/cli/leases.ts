/** `hobnail leases`: addresses the running appliance gave out. */
import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { formatTable } from './output.ts';
import { askAll, connect, REMOTE_HELP } from './remote.ts';

interface LeaseView {
  readonly network: string;
  readonly address: string;
  readonly mac: string;
  readonly host?: string;
  readonly state: string;
  readonly expiresAt: number;
}

export function addLeaseCommands(program: Command, cli: Cli): void {
  const leases = program
    .command('leases')
    .description('addresses that were given out')
    .addHelpText('after', REMOTE_HELP);

  leases
    .command('ls')
    .description('in order of address')
    .option('--network <name>', 'of one network')
    .option('--active', 'only those that are bound and not expired')
    .action(async ({ network, active }: { network?: string; active?: boolean }) => {
      const query = { ...(network !== undefined && { network }), ...(active && { active: 'true' }) };
      const items = await askAll<LeaseView>(connect(cli), '/leases', query);
      cli.output().result(() => {
        const rows = items.map((lease) => {
          const { address, mac, host = '-', state, expiresAt } = lease;
          return [lease.network, address, mac, host, state, new Date(expiresAt).toISOString()];
        });
        return rows.length === 0
          ? 'No leases.'
          : formatTable(['network', 'address', 'mac', 'host', 'state', 'until'], rows);
      }, items);
    });

  leases
    .command('end')
    .description('end a lease of a machine that is gone, or the quarantine of an address')
    .argument('<network>')
    .argument('<address>')
    .addHelpText('after', '\nThe machine is not told: it keeps the address until it asks again.')
    .action(async (network: string, address: string) => {
      const path = `/leases/${encodeURIComponent(network)}/${encodeURIComponent(address)}`;
      await connect(cli).ask('DELETE', path);
      cli.output().result(`${address} of network ${network} is free.`, { network, ended: address });
    });
}

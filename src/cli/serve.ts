/** `hobnail serve`: the appliance, until it is told to stop. */
import type { Command } from 'commander';
import type { App } from '../app.ts';
import { formatBanner } from './banner.ts';
import type { Cli } from './cli.ts';
import { readVersion } from './version.ts';

export function addServeCommand(program: Command, cli: Cli): void {
  program
    .command('serve')
    .description('answer boot clients: DHCP, TFTP, HTTP boot, the API and its page')
    .addHelpText('after', SERVE_HELP)
    .action(async () => {
      // Loaded here: the doors bring half a second of libraries that no other command needs.
      const [{ createApp }, { createLog }] = await Promise.all([import('../app.ts'), import('../log.ts')]);
      const { config, from } = cli.config();
      const log = createLog(config.log, process.stdout.isTTY ?? false);
      const version = readVersion();
      const app = await createApp({ config, log, version });
      // The banner is for people: it holds the first login, which no log may.
      process.stderr.write(`${formatBanner(app.view(), { settings: from, firstToken: app.firstToken })}\n`);
      log.info({ version, settings: from }, 'Hobnail is up');
      await untilStopped(app, (message) => log.info(message));
      await new Promise<void>((resolve) => log.flush(() => resolve()));
    });
}

const SERVE_HELP = `
Without settings: as root, every interface that looks like a LAN is served as a proxy beside the DHCP server that is
there: boot answers only, never an address, and unknown machines get a menu that takes the local disk after ten seconds.
Networks of your own stand in profiles/networks/<name>.yaml.

SIGHUP reads profiles and templates anew (they are watched anyway); SIGINT and SIGTERM stop.`;

/** Resolves when a signal has stopped the appliance. A second signal does not wait for running transfers. */
function untilStopped(app: App, say: (message: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const reload = () => {
      app.reload().then((good) => say(good ? 'reloaded' : 'not reloaded: the files have problems'), reject);
    };
    let stopping = false;
    const stop = (signal: NodeJS.Signals) => {
      if (stopping) return resolve();
      stopping = true;
      say(`${signal}: stopping`);
      app.close().then(resolve, reject);
    };
    process.on('SIGHUP', reload).on('SIGINT', stop).on('SIGTERM', stop);
  });
}

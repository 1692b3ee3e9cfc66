/** `hobnail serve`: the appliance, until it is told to stop. */
import type { Command } from 'commander';
import type { App } from '../app.ts';
import type { Log } from '../log.ts';
import { formatBanner } from './banner.ts';
import type { Cli } from './cli.ts';
import { readVersion } from './version.ts';

export function addServeCommand(program: Command, cli: Cli): void {
  program
    .command('serve')
    .description('answer boot clients: DHCP, TFTP, HTTP boot, the API and its page')
    .option(
      '--isolated <interface>',
      'be the DHCP server of a wire with nobody else on it, from the interface’s address',
    )
    .addHelpText('after', SERVE_HELP)
    .action(async ({ isolated }: { readonly isolated?: string }) => {
      // Loaded here: the doors bring half a second of libraries that no other command needs.
      const [{ createApp }, { createLog, flushed }] = await Promise.all([import('../app.ts'), import('../log.ts')]);
      const { config, from } = cli.config();
      const log = createLog(config.log, process.stdout.isTTY ?? false);
      const version = readVersion();
      const signals = listenForSignals(log);
      const app = await createApp({ config, log, version, ...(isolated !== undefined && { isolated }) });
      // The banner is for people: it holds the first login, which no log may.
      process.stderr.write(`${formatBanner(app.view(), { settings: from, firstToken: app.firstToken })}\n`);
      log.info({ version, settings: from }, 'Hobnail is up');
      await signals.until(app);
      await flushed(log);
    });
}

const SERVE_HELP = `
Without settings: as root, every interface that looks like a LAN is served as a proxy beside the DHCP server that is
there: boot answers only, never an address, and unknown machines get a menu that takes the local disk after ten seconds.
Networks of your own stand in profiles/networks/<name>.yaml.

A laptop and a switch: "ip addr add 10.77.0.1/24 dev eth1", then "hobnail serve --isolated eth1". The network and its pool are
made from that address, nothing else is served, and it refuses to start where another DHCP server answers.

SIGHUP reads profiles and templates anew (they are watched anyway); SIGINT and SIGTERM stop.`;

/**
 * Signals from before the start on: one that comes while the appliance starts stops it once it is up, also as process 1
 * of a container, where nothing would stop it otherwise.
 */
function listenForSignals(log: Log): { until(app: App): Promise<void> } {
  const asked = Promise.withResolvers<void>();
  const impatient = Promise.withResolvers<void>();
  let running: App | undefined;
  let stops = 0;
  const stop = (signal: NodeJS.Signals) => {
    stops++;
    if (stops > 1) return impatient.resolve();
    log.info(`${signal}: stopping`);
    asked.resolve();
  };
  const reload = () => {
    running?.reload().then(
      (good) => log.info(good ? 'reloaded' : 'not reloaded: the files have problems; "hobnail check" lists them'),
      (error: unknown) => log.error({ err: error }, 'not reloaded; the last good state stays in use'),
    );
  };
  process.on('SIGHUP', reload).on('SIGINT', stop).on('SIGTERM', stop);
  return {
    /** Resolves when the appliance has stopped. A second signal does not wait for running transfers. */
    async until(app) {
      running = app;
      await asked.promise;
      await Promise.race([app.close(), impatient.promise]);
    },
  };
}

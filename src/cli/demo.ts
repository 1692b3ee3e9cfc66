/** `hobnail demo`: a virtual machine boots from Hobnail on a private network; the boot is shown as it happens. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { AppError } from '../errors.ts';
import { pullImages } from '../images/pull.ts';
import { DEMO_FIRMWARES, type DemoFirmware, type DemoMoment, runDemo } from '../lab/demo.ts';
import { missingRequirements } from '../lab/requirements.ts';
import type { Cli } from './cli.ts';
import { EXIT } from './output.ts';
import { formatMoment } from './timeline.ts';

interface Options {
  readonly firmware: DemoFirmware;
  readonly timeout: number;
  readonly keep?: boolean;
}

export function addDemoCommand(program: Command, cli: Cli): void {
  program
    .command('demo')
    .description('boot a virtual machine from Hobnail on a private network, and watch')
    .addOption(new Option('--firmware <kind>', 'what the machine is').choices([...DEMO_FIRMWARES]).default('bios'))
    .option('--timeout <seconds>', 'give up after', secondsArgument, 180)
    .option('--keep', 'leave console, capture and log of the run on disk')
    .addHelpText('after', DEMO_HELP)
    .action(async ({ firmware, timeout, keep }: Options) => {
      const reasons = await missingRequirements();
      if (reasons.length > 0) throw new AppError('request-invalid', `the demo ${reasons.join('; it ')}`);
      const output = cli.output();
      const moments: DemoMoment[] = [];
      const stop = new AbortController();
      const interrupt = () => stop.abort();
      process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
      try {
        const result = await runDemo({
          firmware,
          timeoutMs: timeout * 1000,
          keep: keep ?? false,
          provideLoaders: (directory) => pullImages({ imagesRoot: directory }),
          signal: stop.signal,
          onMoment(moment) {
            moments.push(moment);
            if (output.format === 'text') process.stdout.write(`${formatMoment(moment)}\n`);
          },
        });
        if (!result.booted) cli.exitWith(EXIT.failed);
        output.result(`\n${result.summary}${result.kept ? `\nKept in ${result.kept}` : ''}`, { ...result, moments });
      } finally {
        process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
      }
    });
}

const DEMO_HELP = `
Needs root, QEMU and its firmware (it says which packages are missing), and downloads a kernel from the distribution once.
Nothing leaves the private network, and nothing of it stays: namespaces, processes and files are removed at the end,
also after Ctrl-C. The processor is emulated, so a boot takes half a minute or so.`;

function secondsArgument(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 3600) throw new InvalidArgumentError('1 to 3600 seconds.');
  return seconds;
}

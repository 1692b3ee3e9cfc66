/** All commands in one list, and what they share: output, settings, exit codes. */
import { Command, CommanderError, Option } from 'commander';
import { loadConfig } from '../config.ts';
import { AppError, type ErrorCode, messageOf } from '../errors.ts';
import { addAuditCommand } from './audit.ts';
import { addCheckCommand } from './check.ts';
import type { Cli } from './cli.ts';
import { addCompletionCommand } from './completion.ts';
import { addDecodeCommand } from './decode.ts';
import { addDemoCommand } from './demo.ts';
import { addExplainCommand } from './explain.ts';
import { addHostCommands } from './host.ts';
import { addHostViewCommands } from './host-view.ts';
import { addImagesCommands } from './images.ts';
import { addImportCommands } from './import.ts';
import { addLeaseCommands } from './leases.ts';
import { addObjectCommands } from './objects.ts';
import { createOutput, EXIT, type ExitCode, type Output, type OutputFormat } from './output.ts';
import { addRenderCommand } from './render.ts';
import { addRouteCommand } from './route.ts';
import { addRunningCommands } from './running.ts';
import { addSecretCommands } from './secret.ts';
import { addServeCommand } from './serve.ts';
import { addTokenCommands } from './token.ts';
import { addTreeCommands } from './tree.ts';
import { readVersion } from './version.ts';

/** Runs one command; resolves to its exit code. Never throws. */
export async function runCommandLine(argv: readonly string[]): Promise<ExitCode> {
  let exit: ExitCode = EXIT.ok;
  const program = new Command('hobnail')
    .description('One small server that boots bare metal: DHCP, TFTP and HTTP boot from per-host profiles.')
    .version(readVersion(), '-V, --version')
    .addOption(
      new Option('-o, --output <format>', 'text for people, json for pipes').choices(['text', 'json']).default('text'),
    )
    .option(
      '-c, --config <file>',
      'settings file (default: hobnail.yaml, then /etc/hobnail/hobnail.yaml, then safe defaults)',
    )
    .option('--server <url>', 'work by the API of this server instead of on the files (or HOBNAIL_API)')
    .option('--token-file <file>', 'the file that holds the token for it (or HOBNAIL_TOKEN, HOBNAIL_TOKEN_FILE)')
    .showHelpAfterError('(run with --help to see what is possible)')
    .addHelpText('after', HELP_AFTER)
    .exitOverride();

  const options = () => program.opts<{ output: OutputFormat; config?: string; server?: string; tokenFile?: string }>();
  const cli: Cli = {
    output: () => createOutput(options().output, process),
    config: () => loadConfig(options().config, process.cwd()),
    server: () => ({ url: options().server, tokenFile: options().tokenFile }),
    exitWith: (code) => {
      exit = code;
    },
  };
  addServeCommand(program, cli);
  addHostCommands(program, cli);
  addObjectCommands(program, cli);
  addHostViewCommands(program, cli);
  addRunningCommands(program, cli);
  addSecretCommands(program, cli);
  addLeaseCommands(program, cli);
  addAuditCommand(program, cli);
  addTreeCommands(program, cli);
  addExplainCommand(program, cli);
  addRenderCommand(program, cli);
  addRouteCommand(program, cli);
  addCheckCommand(program, cli);
  addImagesCommands(program, cli);
  addImportCommands(program, cli);
  addDecodeCommand(program, cli);
  addTokenCommands(program, cli);
  addDemoCommand(program, cli);
  addCompletionCommand(program, cli);

  try {
    await program.parseAsync(argv, { from: 'user' });
    return exit;
  } catch (error) {
    return report(error, cli.output());
  }
}

const HELP_AFTER = `
Examples:
  hobnail serve                                   answer boot clients, with safe defaults
  hobnail explain --mac 52:54:00:aa:bb:cc --arch 7   what would this machine get, and why?
  hobnail host add web01 --mac 52:54:00:aa:bb:cc --profile rescue
  hobnail --server https://boot.example:8081 host ls    the same by the API of a running server
  hobnail render web01 pxelinux.cfg/01-52-54-00-aa-bb-cc
  hobnail route pxelinux.0 --ip 10.77.0.5          what a path becomes, rule by rule, and what it leads to
  hobnail check                                   every problem in profiles/ and templates/

Exit codes: 0 done, 1 problems found, 2 wrong use, settings or profiles, 3 not found, 4 denied, 5 failed.`;

function report(error: unknown, output: Output): ExitCode {
  // Commander has already printed its own message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof AppError) {
    output.problems(error.problems);
    output.note(`hobnail: ${error.message} [${error.code}]`);
    return exitOf(error.code);
  }
  output.note(`hobnail: ${messageOf(error)}`);
  if (error instanceof Error && error.stack) output.note(error.stack);
  return EXIT.server;
}

function exitOf(code: ErrorCode): ExitCode {
  switch (code) {
    case 'config-invalid':
    case 'request-invalid':
    case 'inventory-invalid':
    case 'template-invalid':
      return EXIT.usage;
    case 'already-exists':
    case 'revision-stale':
      return EXIT.failed;
    case 'not-found':
    case 'file-absent':
    case 'template-missing':
      return EXIT.notFound;
    case 'login-required':
    case 'role-missing':
    case 'file-refused':
    case 'write-refused':
    case 'port-denied':
    case 'wire-taken':
      return EXIT.denied;
    default:
      return EXIT.server;
  }
}

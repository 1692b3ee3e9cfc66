/** `hobnail check`: every problem in profiles and templates, all at once. */
import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { inHouse } from './house.ts';
import { EXIT } from './output.ts';

export function addCheckCommand(program: Command, cli: Cli): void {
  program
    .command('check')
    .alias('validate')
    .description('every problem in profiles/ and templates/, with file, line and advice')
    .action(async () => {
      const { problems, counts } = await inHouse(cli, (house) => house.check());
      const { hosts, profiles, networks } = counts;
      const held = `${hosts} hosts, ${profiles} profiles, ${networks} networks`;
      const output = cli.output();
      const errors = problems.filter(({ severity }) => severity === 'error').length;
      if (output.format === 'text') output.problems(problems);
      if (errors > 0) cli.exitWith(EXIT.failed);
      const warnings = problems.length - errors;
      output.result(
        errors > 0 ? `${errors} errors, ${warnings} warnings.` : `Good: ${held}; ${warnings} warnings.`,
        problems,
      );
    });
}

/** `hobnail images import-iso`: kernel and initrd out of any installer's ISO. */
import type { Command } from 'commander';
import { planIsoImport } from '../../images/import-iso.ts';
import { pullBuilds } from '../../images/pull.ts';
import type { Cli } from '../cli.ts';
import { runPull } from './run-pull.ts';

interface Options {
  readonly name?: string;
  readonly kernel?: string;
  readonly initrd?: string[];
  readonly tree?: boolean;
  readonly dryRun?: boolean;
  readonly force?: boolean;
}

export function addImportIsoCommand(images: Command, cli: Cli): void {
  images
    .command('import-iso')
    .description('take kernel, initrd and what belongs to them out of an ISO image')
    .argument('<file>', 'the ISO image')
    .option('--name <name>', 'directory below boot-images/; by default the label of the image')
    .option('--kernel <path>', 'inside the image, when it is not where distributions keep it')
    .option('--initrd <path...>', 'inside the image')
    .option('--tree', 'everything else too, under <name>/tree: for installers that fetch packages from it')
    .option('--dry-run', 'only say what would be taken')
    .option('--force', 'replace files you put there yourself')
    .action(async (file: string, { dryRun = false, force = false, ...asked }: Options) => {
      const plan = await planIsoImport({ file, ...asked });
      const profile = `kernel: ${plan.kernel}\ninitrd:${plan.initrd.map((path) => `\n  - ${path}`).join('')}`;
      const output = cli.output();
      output.note(`"${plan.label}" looks like ${plan.family}.`);
      if (dryRun) {
        const rows = plan.build.files.map(
          ({ from, to, tree }) => `${from || '(everything)'} → ${to}${tree ? '/' : ''}`,
        );
        return output.result(rows.join('\n'), { label: plan.label, family: plan.family, files: plan.build.files });
      }
      const report = await runPull(cli, (settings) => pullBuilds([plan.build], { ...settings, force }));
      output.result(`For a profile:\n${profile}`, { ...report, kernel: plan.kernel, initrd: plan.initrd });
    });
}

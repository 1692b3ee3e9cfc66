/** `hobnail render`: the file a machine would get, without the machine. */
import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { inHouse } from './house.ts';

export function addRenderCommand(program: Command, cli: Cli): void {
  program
    .command('render')
    .description('print the file a host would get under a path')
    .argument('<host>', 'name of a host, or any MAC address')
    .argument('<path>', 'as the machine asks for it: pxelinux.cfg/01-52-54-00-aa-bb-cc')
    .action(async (host: string, path: string) => {
      const { bytes, contentType, origin } = await inHouse(cli, (house) => house.render(host, path));
      const output = cli.output();
      output.note(`# ${origin} (${contentType}, ${bytes.length} bytes)`);
      if (output.format === 'json') {
        output.result('', { origin, contentType, text: Buffer.from(bytes).toString('utf8') });
      } else {
        process.stdout.write(bytes);
      }
    });
}

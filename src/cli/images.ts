/** `hobnail images`: what machines load, from the catalogue or the operator, in `boot-images/`. */
import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { addAddCommand } from './images/add.ts';
import { addGcCommand } from './images/gc.ts';
import { addImportIsoCommand } from './images/import-iso.ts';
import { addLsCommand } from './images/ls.ts';
import { addPullCommand } from './images/pull.ts';
import { addRmCommand } from './images/rm.ts';
import { addVerifyCommand } from './images/verify.ts';

export function addImagesCommands(program: Command, cli: Cli): void {
  const images = program.command('images').description('loaders, systems and tools in boot-images/');
  addLsCommand(images, cli);
  addPullCommand(images, cli);
  addVerifyCommand(images, cli);
  addAddCommand(images, cli);
  addImportIsoCommand(images, cli);
  addRmCommand(images, cli);
  addGcCommand(images, cli);
}

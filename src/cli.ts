#!/usr/bin/env node
/** The command line: argv in, exit code out. */
import { runCommandLine } from './cli/main.ts';

process.exit(await runCommandLine(process.argv.slice(2)));

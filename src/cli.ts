#!/usr/bin/env node
/** The command line: argv in, exit code out. */
import { runCommandLine } from './cli/main.ts';

const code = await runCommandLine(process.argv.slice(2));
// A pipe takes what it has room for; leaving at once would cut off the rest. A reader that has gone wants no more.
await Promise.all(
  [process.stdout, process.stderr].map(
    (stream) =>
      new Promise<void>((done) => {
        stream.once('error', () => done());
        stream.write('', () => done());
      }),
  ),
);
process.exit(code);

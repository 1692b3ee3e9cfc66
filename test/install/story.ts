/** What an installation is doing, in lines as it goes on, and how long each stage took, at its end. */
import type { PackageProxy } from './package-proxy.ts';

export interface Story {
  /** A stage begins; the one before ends. */
  begin(stage: string): void;
  say(text: string): void;
  /** Called every few seconds with the machine's console: says what is new, twice a minute at most. */
  watch(console: string): Promise<void>;
  /** Prints the stages with their durations. */
  end(): void;
}

const QUIET_MS = 30_000;
/** Lines of the installer's text frontend that say where it is. */
const PLACE =
  /^(?:.*\.\.\.\s*)?(\d+%.*)$|^((?:Retrieving|Validating|Unpacking|Extracting|Installing|Configuring|Preparing|Loading|Detecting|Scanning|Running|Selecting|Finishing|Starting|stand-in: ).*)$/;

export function createStory(proxy: PackageProxy): Story {
  const start = performance.now();
  const stages: { name: string; at: number }[] = [];
  let told = 0;
  let last = '';
  const say = (text: string) => {
    process.stdout.write(`${((performance.now() - start) / 1000).toFixed(0).padStart(6)} s  ${text}\n`);
    told = performance.now();
  };
  return {
    say,
    begin(name) {
      stages.push({ name, at: performance.now() });
      say(`== ${name}`);
    },
    async watch(console) {
      if (performance.now() - told < QUIET_MS) return;
      const place =
        console
          .split('\n')
          .findLast((line) => PLACE.test(line.trim()))
          ?.trim()
          .slice(-70) ?? '';
      const file = proxy.fetched.at(-1)?.split('/').at(-1) ?? '';
      const line = `${place} | ${proxy.fetched.length} files, ${(proxy.bytes / 1e6).toFixed(0)} MB, ${file}`;
      if (line !== last) say(line);
      last = line;
      told = performance.now();
    },
    end() {
      for (const [index, { name, at }] of stages.entries()) {
        const next = stages[index + 1]?.at ?? performance.now();
        process.stdout.write(`${name.padEnd(20)} ${((next - at) / 1000).toFixed(0).padStart(6)} s\n`);
      }
      process.stdout.write(`fetched ${proxy.fetched.length} files, ${(proxy.bytes / 1e6).toFixed(1)} MB\n`);
    },
  };
}

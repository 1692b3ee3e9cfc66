/** `hobnail completion`: words for the shell, made from the commands themselves. */
import { Argument, type Command } from 'commander';
import type { Cli } from './cli.ts';

/** What may follow a command: `host add` → its subcommands and options. */
interface Words {
  /** `host add`; empty for the program itself. */
  readonly path: string;
  readonly words: readonly { readonly word: string; readonly about: string }[];
}

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

export function addCompletionCommand(program: Command, cli: Cli): void {
  program
    .command('completion')
    .description('words for your shell to complete')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .addHelpText(
      'after',
      `
Examples:
  source <(hobnail completion bash)
  hobnail completion zsh > "\${fpath[1]}/_hobnail"
  hobnail completion fish > ~/.config/fish/completions/hobnail.fish`,
    )
    .action((shell: Shell) => {
      const words = wordsOf(program, '');
      cli.output().result(SCRIPTS[shell](words), words);
    });
}

function wordsOf(command: Command, path: string): readonly Words[] {
  const words = [
    ...command.commands.map((one) => ({ word: one.name(), about: one.description() })),
    ...command.options.flatMap(({ long, description }) => (long ? [{ word: long, about: description }] : [])),
  ];
  return [
    { path, words },
    ...command.commands.flatMap((one) => wordsOf(one, path === '' ? one.name() : `${path} ${one.name()}`)),
  ];
}

const SCRIPTS: Readonly<Record<Shell, (words: readonly Words[]) => string>> = {
  bash: (all) => `# hobnail completion for bash
_hobnail() {
  local path="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  local words=""
  while :; do
    case "$path" in
${all.map(({ path, words }) => `      "${path}") words="${words.map(({ word }) => word).join(' ')}" ;;`).join('\n')}
    esac
    [ -n "$words" ] && break
    case "$path" in *" "*) path="\${path% *}" ;; *) break ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _hobnail hobnail
`,
  zsh: (all) => `#compdef hobnail
# hobnail completion for zsh
_hobnail() {
  local path="" word
  for word in "\${words[@]:1:$((CURRENT-2))}"; do
    [[ "$word" == -* ]] || path="\${path:+$path }$word"
  done
  local -a found
  while :; do
    case "$path" in
${all.map(({ path, words }) => `      "${path}") found=(${words.map(({ word, about }) => quote(`${word}:${about}`)).join(' ')}) ;;`).join('\n')}
    esac
    (( \${#found} )) && break
    [[ "$path" == *" "* ]] && path="\${path% *}" || break
  done
  _describe hobnail found || _files
}
compdef _hobnail hobnail
`,
  fish: (all) =>
    [
      '# hobnail completion for fish',
      ...all.flatMap(({ path, words }) => {
        const parts = path.split(' ').filter(Boolean);
        const here =
          parts.length === 0
            ? '__fish_use_subcommand'
            : parts.map((part) => `__fish_seen_subcommand_from ${part}`).join('; and ');
        return words.map(({ word, about }) => {
          const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
          return `complete -c hobnail -n ${quote(here)} ${what} -d ${quote(about)}`;
        });
      }),
      '',
    ].join('\n'),
};

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** GRUB scripts: quotes, blocks, the default entry, the kernel's line (GRUB script/lexer, script/parser). */
import { adviseName } from '../../net/nearest.ts';
import { checkKernelLine } from './kernel-line.ts';
import { collectSlips, type Slip, type Slips } from './slip.ts';

type Token =
  | {
      readonly kind: 'word';
      readonly text: string;
      readonly quoted: boolean;
      readonly line: number;
      readonly column: number;
    }
  | { readonly kind: 'end'; readonly line: number; readonly column: number };

/** What opens a block: the words that may stand in it, and the one that closes it. */
const BLOCKS: Readonly<Record<string, { readonly middle: readonly string[]; readonly end: string }>> = {
  if: { middle: ['then', 'elif', 'else'], end: 'fi' },
  while: { middle: ['do'], end: 'done' },
  until: { middle: ['do'], end: 'done' },
  for: { middle: ['do'], end: 'done' },
};
const ENDS = ['fi', 'done'];
const MIDDLES = ['then', 'elif', 'else', 'do'];
const LINUX = ['linux', 'linuxefi', 'linux16'];

interface Open {
  readonly word: string;
  readonly line: number;
  readonly column: number;
}

export function lintGrub(text: string): readonly Slip[] {
  const slips = collectSlips();
  const ids: string[] = [];
  const defaults: { readonly id: string; readonly line: number; readonly column: number }[] = [];
  const open: Open[] = [];
  let command: (Token & { kind: 'word' })[] = [];

  const finish = () => {
    const [name, ...rest] = command;
    if (name && !name.quoted) {
      if (name.text === 'menuentry' || name.text === 'submenu') {
        const at = rest.findIndex((word) => word.text === '--id');
        const id =
          rest[at + 1]?.text ?? /^--id=(.+)$/.exec(rest.find((word) => word.text.startsWith('--id='))?.text ?? '')?.[1];
        ids.push(...(at >= 0 && id ? [id] : []), ...(rest[0] ? [rest[0].text] : []));
      }
      const set = name.text === 'set' ? /^default=(.*)$/.exec(rest[0]?.text ?? '')?.[1] : undefined;
      if (set !== undefined && rest[0]) defaults.push({ id: set, line: rest[0].line, column: rest[0].column });
      const args = rest.slice(1);
      if (LINUX.includes(name.text) && args[0])
        checkKernelLine(slips, args.map((word) => word.text).join(' '), args[0]);
    }
    command = [];
  };

  for (const token of tokensOf(text, slips)) {
    if (token.kind === 'end') {
      finish();
      continue;
    }
    const starts = command.length === 0;
    if (token.quoted) {
      command.push(token);
    } else if (token.text === '{') {
      open.push({ word: '{', line: token.line, column: token.column });
      finish();
    } else if (token.text === '}') {
      finish();
      close(slips, open, token, '{');
    } else if (starts && BLOCKS[token.text]) {
      open.push({ word: token.text, line: token.line, column: token.column });
      // `for x in a b` is no command; the others are followed by one.
      if (token.text === 'for') command.push(token);
    } else if (starts && ENDS.includes(token.text)) {
      close(slips, open, token, token.text === 'fi' ? 'if' : 'while');
    } else if (starts && MIDDLES.includes(token.text)) {
      const block = BLOCKS[open.at(-1)?.word ?? ''];
      if (!block?.middle.includes(token.text))
        slips.error(token.line, token.column, `"${token.text}" stands in no block it belongs to`);
    } else {
      command.push(token);
    }
  }
  finish();
  for (const { word, line, column } of open) {
    slips.error(line, column, `"${word}" is not closed`, `Close it with "${word === '{' ? '}' : BLOCKS[word]?.end}".`);
  }
  for (const { id, line, column } of defaults) {
    if (ids.length === 0 || ids.includes(id) || /^\d*$|^saved$|\$|>/.test(id)) continue;
    slips.error(line, column, `there is no menu entry "${id}"`, adviseName(id, ids));
  }
  return slips.all;
}

function close(slips: Slips, open: Open[], token: Token & { kind: 'word' }, wanted: string): void {
  const last = open.at(-1);
  const fits = last && (last.word === wanted || (wanted === 'while' && BLOCKS[last.word]?.end === 'done'));
  if (fits) {
    open.pop();
    return;
  }
  const advice = last ? `"${last.word}" of line ${last.line} is still open.` : undefined;
  slips.error(token.line, token.column, `"${token.text}" closes nothing`, advice);
}

function* tokensOf(text: string, slips: Slips): Generator<Token> {
  let line = 1;
  let lineStart = 0;
  let at = 0;
  while (at < text.length) {
    const character = text[at] ?? '';
    const place = { line, column: at - lineStart + 1 };
    if (character === '\n') {
      yield { kind: 'end', ...place };
      at += 1;
      line += 1;
      lineStart = at;
    } else if (/[ \t\r]/.test(character)) at += 1;
    else if (character === ';') {
      yield { kind: 'end', ...place };
      at += 1;
    } else if (character === '#') {
      while (at < text.length && text[at] !== '\n') at += 1;
    } else {
      let word = '';
      let quoted = false;
      while (at < text.length && !/[ \t\r\n;]/.test(text[at] ?? '')) {
        const here = text[at] ?? '';
        if (here === '\\') {
          word += text[at + 1] ?? '';
          if (text[at + 1] === '\n') {
            line += 1;
            lineStart = at + 2;
          }
          at += 2;
        } else if (here === "'" || here === '"') {
          const opened = { line, column: at - lineStart + 1 };
          quoted = true;
          at += 1;
          while (at < text.length && text[at] !== here) {
            if (here === '"' && text[at] === '\\') at += 1;
            if (text[at] === '\n') {
              line += 1;
              lineStart = at + 1;
            }
            word += text[at] ?? '';
            at += 1;
          }
          if (at >= text.length)
            slips.error(opened.line, opened.column, 'a quote is not closed', 'Use {{quote "grub" value}} for values.');
          at += 1;
        } else {
          word += here;
          at += 1;
        }
      }
      yield { kind: 'word', text: word, quoted, ...place };
    }
  }
  yield { kind: 'end', line, column: at - lineStart + 1 };
}

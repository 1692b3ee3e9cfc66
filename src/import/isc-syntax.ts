/** The grammar of dhcpd.conf: statements that end in a semicolon, and blocks. */
import type { SourceFile } from './draft.ts';

export interface Statement {
  readonly file: string;
  /** Of its first word. */
  readonly line: number;
  /** Words and quoted texts, commas left out; quoted texts without their quotes. */
  readonly words: readonly string[];
  /** Of a block. */
  readonly body?: readonly Statement[];
}

interface Token {
  readonly text: string;
  readonly line: number;
  readonly quoted: boolean;
}

/** Never throws: what is not closed ends with the file, and a stray brace is a statement of its own. */
export function parseIsc({ path, text }: SourceFile): readonly Statement[] {
  const tokens = tokensOf(text);
  let at = 0;
  const read = (depth: number): Statement[] => {
    const found: Statement[] = [];
    let words: Token[] = [];
    const make = (body?: readonly Statement[]) => {
      const [first] = words;
      if (first)
        found.push({ file: path, line: first.line, words: words.map(({ text }) => text), ...(body && { body }) });
      words = [];
    };
    while (at < tokens.length) {
      const token = tokens[at++];
      if (!token) break;
      const isMark = !token.quoted;
      if (isMark && token.text === ';') make();
      else if (isMark && token.text === '{') make(read(depth + 1));
      else if (isMark && token.text === '}') {
        make();
        if (depth > 0) return found;
      } else if (!isMark || token.text !== ',') words.push(token);
    }
    make();
    return found;
  };
  return read(0);
}

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let line = 1;
  for (const [whole, quoted] of text.matchAll(/\n|#[^\n]*|"((?:\\.|[^"\\])*)"|[;{},]|[^\s;{},"#]+/g)) {
    if (whole === '\n') line++;
    else if (quoted !== undefined) {
      tokens.push({ text: quoted.replace(/\\(.)/g, '$1'), line, quoted: true });
      line += whole.split('\n').length - 1;
    } else if (!whole.startsWith('#')) tokens.push({ text: whole, line, quoted: false });
  }
  return tokens;
}

/** What is wrong in any text a machine reads: line ends of another system, bytes that are not text, Handlebars left over. */
import { collectSlips, type Slip } from './slip.ts';

export function lintText(text: string): readonly Slip[] {
  const slips = collectSlips();
  if (text.startsWith('\ufeff')) {
    slips.error(1, 1, 'the file begins with a byte order mark', 'Save the template as UTF-8 without one.');
  }
  for (const [index, line] of text.split('\n').entries()) {
    if (line.endsWith('\r')) {
      slips.error(
        index + 1,
        line.length,
        'the line ends with a carriage return',
        'Save the template with Unix line ends.',
      );
      break;
    }
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f]/.exec(text);
  if (control) {
    const before = text.slice(0, control.index).split('\n');
    slips.error(before.length, (before.at(-1)?.length ?? 0) + 1, 'there is a control character in the text');
  }
  return slips.all;
}

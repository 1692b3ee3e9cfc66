/** Preseed files of the Debian installer: debconf's lines, and the answers that are known to go wrong. */
import { findNearest } from '../../net/nearest.ts';
import { collectSlips, type Slip } from './slip.ts';
import { CRYPTED } from './yaml.ts';

const TYPES = ['string', 'boolean', 'select', 'multiselect', 'password', 'note', 'text', 'title', 'error', 'seen'];

export function lintPreseed(text: string): readonly Slip[] {
  const slips = collectSlips();
  const answers = new Map<string, { readonly value: string; readonly line: number }>();
  let goesOn = false;
  for (const [index, source] of text.split('\n').entries()) {
    const line = index + 1;
    const continued = goesOn;
    goesOn = source.endsWith('\\');
    if (continued || /^\s*(?:#|$)/.test(source)) continue;
    const [, blanks = '', owner = '', question = '', type = '', value = ''] =
      /^(\s*)(\S+)(?:\s+(\S+))?(?:\s+(\S+))?(?:[ \t](.*))?$/.exec(source) ?? [];
    const column = blanks.length + 1;
    if (type === '') {
      slips.error(line, column, 'a line is: owner question type value', 'Write "d-i passwd/make-user boolean false".');
      continue;
    }
    const typeColumn = source.indexOf(type, source.indexOf(question, column + owner.length) + question.length) + 1;
    if (!TYPES.includes(type)) {
      const nearest = findNearest(type, TYPES);
      slips.error(
        line,
        typeColumn,
        `debconf has no type "${type}"`,
        nearest ? `Did you mean "${nearest}"?` : `Types are ${TYPES.join(', ')}.`,
      );
    } else if (type === 'boolean' && !/^(?:true|false)\s*$/.test(value)) {
      slips.error(line, typeColumn, `a boolean is true or false, not "${value}"`);
    } else if (/^(["']).*\1\s*$/.test(value)) {
      slips.warning(
        line,
        typeColumn,
        'the quotes become part of the value',
        'Everything to the end of the line is the value.',
      );
    }
    if (answers.has(question)) {
      slips.warning(
        line,
        column,
        `"${question}" is answered in line ${answers.get(question)?.line} already`,
        'The last one holds.',
      );
    }
    answers.set(question, { value: value.trim(), line });
  }
  const hash = [...answers].find(
    ([question, { value }]) => /-password-crypted$/.test(question) && !CRYPTED.test(value),
  );
  if (hash) slips.error(hash[1].line, 1, 'the password is not hashed', 'Give the output of: mkpasswd -m sha-512');
  const root = answers.get('passwd/root-password-crypted');
  if (root?.value === '!' && answers.get('passwd/root-login')?.value !== 'false') {
    slips.error(
      root.line,
      1,
      'with "!" the installer stops and asks for a password of root',
      'A "*" fits no password either, and it goes on; or say "d-i passwd/root-login boolean false".',
    );
  }
  const method = answers.get('partman-auto/method');
  if (method && !answers.get('partman-auto/disk')?.value) {
    slips.warning(
      method.line,
      1,
      'no disk is named: the installer takes the only one it finds, or asks',
      'Answer partman-auto/disk.',
    );
  }
  return slips.all;
}

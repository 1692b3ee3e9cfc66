/** Kickstart files of RHEL, its rebuilds and Fedora: sections, commands, disks nobody named. */
import { findNearest } from '../../net/nearest.ts';
import { collectSlips, type Slip, type Slips, type Word, wordsOf } from './slip.ts';
import { CRYPTED } from './yaml.ts';

/** pykickstart: RHEL 7 to 10 and current Fedora. */
const COMMANDS = (
  'auth authconfig authselect autopart autostep bootc bootloader btrfs cdrom clearpart cmdline device deviceprobe driverdisk ' +
  'dmraid eula fcoe firewall firstboot graphical group halt harddrive hmc ignoredisk install interactive iscsi iscsiname ' +
  'keyboard lang langsupport lilo lilocheck liveimg logging logvol mediacheck method module mount mouse multipath network nfs ' +
  'nvdimm ostreecontainer ostreesetup part partition poweroff raid rdp realm reboot repo reqpart rescue rhsm rootpw selinux ' +
  'services shutdown skipx snapshot sshkey sshpw syspurpose text timesource timezone unsupported_hardware updates upgrade url ' +
  'user vnc volgroup xconfig zerombr zfcp zipl'
).split(' ');

const SECTIONS = [
  '%packages',
  '%pre',
  '%pre-install',
  '%post',
  '%onerror',
  '%traceback',
  '%addon',
  '%anaconda',
  '%certificate',
];
const DIRECTIVES = ['%include', '%ksappend'];

interface Command {
  readonly line: number;
  readonly name: Word;
  readonly rest: string;
}

export function lintKickstart(text: string): readonly Slip[] {
  const slips = collectSlips();
  const commands: Command[] = [];
  let section: { readonly name: string; readonly line: number } | undefined;
  let packages = false;
  for (const [index, source] of text.split('\n').entries()) {
    const line = index + 1;
    const [name] = wordsOf(source);
    if (!name || name.text.startsWith('#')) continue;
    if (name.text === '%end') {
      if (!section) slips.error(line, name.column, '"%end" closes no section');
      section = undefined;
    } else if (SECTIONS.includes(name.text)) {
      if (section) {
        slips.error(
          section.line,
          1,
          `"${section.name}" is not closed before line ${line}`,
          'End it with a line "%end".',
        );
      }
      if (name.text === '%packages') packages = true;
      section = { name: name.text, line };
    } else if (!section && name.text.startsWith('%') && !DIRECTIVES.includes(name.text)) {
      const nearest = findNearest(name.text, SECTIONS);
      slips.error(
        line,
        name.column,
        `"${name.text}" is no section`,
        nearest ? `Did you mean "${nearest}"?` : undefined,
      );
    } else if (!section && !name.text.startsWith('%')) {
      commands.push({ line, name, rest: source.slice(name.column - 1 + name.text.length) });
    }
  }
  if (section) slips.error(section.line, 1, `"${section.name}" is not closed`, 'End it with a line "%end".');
  for (const command of commands) checkCommand(slips, command);
  const has = (...names: string[]) => commands.some(({ name }) => names.includes(name.text));
  if (!packages && !has('liveimg', 'ostreesetup', 'ostreecontainer', 'bootc', 'rescue')) {
    slips.error(
      1,
      1,
      'there is no %packages section',
      'Without one the installer stops and asks. Write %packages … %end.',
    );
  }
  checkDisks(slips, commands);
  return slips.all;
}

function checkCommand(slips: Slips, { line, name, rest }: Command): void {
  if (!COMMANDS.includes(name.text)) {
    const nearest = findNearest(name.text, COMMANDS);
    slips.error(line, name.column, `kickstart has no command "${name.text}"`, nearest && `Did you mean "${nearest}"?`);
  }
  if (hasOpenQuote(rest)) {
    slips.error(line, name.column, 'a quote is not closed', 'Write values as {{quote "kickstart" value}}.');
  }
  if (name.text === 'rootpw' || name.text === 'user') {
    const password =
      name.text === 'rootpw'
        ? wordsOf(rest).find((word) => !word.text.startsWith('--'))?.text
        : /--password[= ](\S+)/.exec(rest)?.[1];
    const plain = password?.replace(/^['"]|['"]$/g, '');
    if (plain !== undefined && /--iscrypted/.test(rest) && !CRYPTED.test(plain)) {
      slips.error(
        line,
        name.column,
        'the password is said to be hashed and is not',
        'Give the output of: mkpasswd -m sha-512',
      );
    }
    if (plain !== undefined && !/--iscrypted/.test(rest)) {
      slips.warning(line, name.column, 'the password stands here in the clear', 'Give its hash, with --iscrypted.');
    }
  }
}

/** What would be wiped although nobody named it. */
function checkDisks(slips: Slips, commands: readonly Command[]): void {
  const only = commands.some(({ name, rest }) => name.text === 'ignoredisk' && rest.includes('--only-use'));
  if (only) return;
  for (const { name, rest, line } of commands) {
    const wipes = name.text === 'clearpart' && /--(?:all|linux)\b/.test(rest) && !/--drives/.test(rest);
    if (!wipes && name.text !== 'autopart') continue;
    const what = wipes ? 'clears every disk of the machine' : 'takes whatever disks it finds';
    slips.warning(line, name.column, `"${name.text}" ${what}`, 'Name the disk: ignoredisk --only-use=…');
    if (wipes) return;
  }
}

/** As Python's shlex splits: `'` to the next `'`, `"` with backslashes, `#` to the end of the line between words. */
function hasOpenQuote(text: string): boolean {
  let quote = '';
  for (let at = 0; at < text.length; at++) {
    const character = text[at] ?? '';
    if (quote === '' && character === '#' && /(?:^|\s)$/.test(text.slice(Math.max(0, at - 1), at))) return false;
    if (character === '\\' && quote !== "'") at += 1;
    else if (quote === '' && (character === '"' || character === "'")) quote = character;
    else if (character === quote) quote = '';
  }
  return quote !== '';
}

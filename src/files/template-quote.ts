/** Quoting for each language a template writes. Text that cannot be written safely is an error, never a guess. */

const QUOTERS = {
  /** iPXE has no quotes and no escapes (core/exec.c): what it would act on cannot be written at all. */
  ipxe: (text: string) => {
    refuseControls(text, 'iPXE');
    if (text.includes('${')) throw new TypeError(`iPXE expands "\${" and cannot escape it: ${JSON.stringify(text)}`);
    const operator = text.split(/\s+/).find((word) => word === '||' || word === '&&' || word.startsWith('#'));
    if (operator) throw new TypeError(`iPXE would act on "${operator}" in ${JSON.stringify(text)}`);
    if (text.endsWith('\\')) throw new TypeError(`iPXE joins lines at a last backslash: ${JSON.stringify(text)}`);
    return text;
  },
  /** Words on an iPXE screen: what iPXE would act on is left out. Lossy, so never for arguments. */
  'ipxe-text': (text: string) =>
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is replaced
      .replace(/[\u0000-\u001f\u007f]+/g, ' ')
      .replaceAll('${', '$ {')
      .replace(/(^|\s)(?:\|\||&&)(?=\s|$)/g, '$1-')
      .replace(/(^|\s)#+/g, '$1'),
  /** GRUB script: like a POSIX shell. */
  grub: (text: string) => {
    refuseControls(text, 'GRUB');
    return singleQuote(text);
  },
  shell: (text: string) => {
    if (text.includes('\0')) throw new TypeError('a shell word cannot hold NUL');
    return singleQuote(text);
  },
  xml: (text: string) => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 §2.2 allows no other control characters
    if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(text)) {
      throw new TypeError(`XML cannot hold the control characters of ${JSON.stringify(text)}`);
    }
    return text.replace(/[&<>"']/g, (character) => XML_ENTITIES[character] ?? character);
  },
  /** A double-quoted scalar: every JSON string is one (YAML 1.2 §1.3). */
  yaml: (text: string) => JSON.stringify(text),
  /** A basic string (TOML 1.0): JSON's escapes, and DEL. */
  toml: (text: string) => JSON.stringify(text).replaceAll('\u007f', '\\u007f'),
  /** One word of a kickstart command, which is split as a POSIX shell would (pykickstart uses Python's shlex). */
  kickstart: (text: string) => {
    refuseControls(text, 'a kickstart command');
    return singleQuote(text);
  },
  /** A value in debconf's format: to the end of the line, where a last backslash would go on to the next one. */
  preseed: (text: string) => {
    refuseControls(text, 'a preseed value');
    if (text.endsWith('\\')) throw new TypeError(`preseed joins lines at a last backslash: ${JSON.stringify(text)}`);
    return text;
  },
  /** U-Boot's APPEND: variables are expanded, quotes and backslashes taken away, and nothing can be escaped for good. */
  extlinux: (text: string) => {
    refuseControls(text, 'U-Boot');
    const acted = /['\\$]/.exec(text)?.[0];
    if (acted) throw new TypeError(`U-Boot would act on ${acted} in ${JSON.stringify(text)}`);
    return text;
  },
  /** For formats that read to the end of the line and have no quoting: PXELINUX, telephones. */
  line: (text: string) => {
    refuseControls(text, 'one line');
    return text;
  },
} as const;

const XML_ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

export const QUOTE_TARGETS = Object.keys(QUOTERS);

/** Throws `TypeError` for an unknown target and for text the target cannot express. */
export function quote(target: string, text: string): string {
  if (!isTarget(target)) throw new TypeError(`cannot quote for "${target}"; targets are ${QUOTE_TARGETS.join(', ')}`);
  return QUOTERS[target](text);
}

function isTarget(target: string): target is keyof typeof QUOTERS {
  return Object.hasOwn(QUOTERS, target);
}

function singleQuote(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

function refuseControls(text: string, where: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\u0000-\u001f\u007f]/.test(text)) {
    throw new TypeError(`${where} cannot hold line breaks or control characters: ${JSON.stringify(text)}`);
  }
}

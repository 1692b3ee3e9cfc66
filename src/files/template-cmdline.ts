/** One list of kernel arguments as each loader writes it: quoting for the kernel, then for the loader, and the length limit. */
import { quote } from './template-quote.ts';

/** Bytes of a command line that Linux reads on x86 and ARM64 (COMMAND_LINE_SIZE less its NUL). */
export const MAX_COMMAND_LINE_BYTES = 2047;

/** An argument as the kernel's own parser takes it (lib/cmdline.c, next_arg): double quotes keep blanks, nothing escapes. */
interface Argument {
  /** Without the quotes around it or its value. */
  readonly plain: string;
  /** As the kernel must read it. */
  readonly kernel: string;
}

const FORMS = {
  /** PXELINUX hands on the rest of the line. */
  pxelinux: ({ kernel }: Argument) => kernel,
  /** GRUB puts the quotes around an argument with blanks itself, and some versions escape what is in it. */
  grub: ({ plain }: Argument) => {
    const escaped = /["'\\]/.exec(plain)?.[0];
    if (escaped) throw new TypeError(`GRUB hands on ${escaped} with a backslash before it: ${JSON.stringify(plain)}`);
    return quote('grub', plain);
  },
  /** iPXE splits at blanks and joins with one: quotes get through, runs of blanks do not. */
  ipxe: ({ kernel }: Argument) => {
    if (/\s\s|\t/.test(kernel)) throw new TypeError(`iPXE makes one of several blanks: ${JSON.stringify(kernel)}`);
    return quote('ipxe', kernel);
  },
  /** U-Boot expands variables and takes quotes and backslashes away (cli_simple_process_macros). */
  extlinux: ({ kernel }: Argument) => quote('extlinux', kernel),
} as const;

export const COMMAND_LINE_LOADERS = Object.keys(FORMS);

/**
 * The arguments, joined by blanks, for `loader`.
 * Throws `TypeError` for an unknown loader, an argument that cannot be written for it, and more than the kernel reads.
 */
export function commandLine(loader: string, args: readonly string[]): string {
  if (!Object.hasOwn(FORMS, loader)) {
    throw new TypeError(`there is no command line for "${loader}"; use ${COMMAND_LINE_LOADERS.join(', ')}`);
  }
  const form = FORMS[loader as keyof typeof FORMS];
  const parsed = args
    .map((text) => text.trim())
    .filter((text) => text !== '')
    .map(parseArgument)
    // Quotes around nothing are nothing to the kernel, and GRUB takes them away.
    .filter(({ plain }) => plain !== '');
  const bytes = Buffer.byteLength(parsed.map(({ kernel }) => kernel).join(' '));
  if (bytes > MAX_COMMAND_LINE_BYTES) {
    throw new TypeError(`the kernel's command line is ${bytes} bytes long; Linux reads ${MAX_COMMAND_LINE_BYTES}`);
  }
  return parsed.map(form).join(' ');
}

function parseArgument(text: string): Argument {
  quote('line', text);
  const [, name = '', inner] = /^([^"\s=]+=)?"([^"]*)"$/.exec(text) ?? [];
  if (inner !== undefined) return { plain: name + inner, kernel: text };
  const outside = text.replace(/"[^"]*"/g, '');
  if (outside.includes('"')) throw new TypeError(`a quote is not closed in ${JSON.stringify(text)}`);
  if (!/\s/.test(outside)) return { plain: text, kernel: text };
  if (text.includes('"')) {
    throw new TypeError(`the kernel cannot read quotes and blanks mixed so: ${JSON.stringify(text)}`);
  }
  const [, key = '', value = text] = /^([^\s=]+=)(.*)$/.exec(text) ?? [];
  return { plain: text, kernel: `${key}"${value}"` };
}

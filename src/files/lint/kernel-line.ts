/** How long a kernel's command line may be, by what reads it. */
import type { Slips } from './slip.ts';

/** Bytes Linux reads on x86 and ARM64; the rest is cut off in silence. */
const LINUX_BYTES = 2047;
/** U-Boot's console buffer (CONFIG_SYS_CBSIZE) where a board does not set another; beyond it the label is not booted. */
const UBOOT_BYTES = 1023;

export function checkKernelLine(
  slips: Slips,
  args: string,
  { line, column }: { readonly line: number; readonly column: number },
  loader: 'linux' | 'uboot' = 'linux',
): void {
  const bytes = Buffer.byteLength(args.trim());
  if (bytes > LINUX_BYTES) {
    slips.error(
      line,
      column,
      `the kernel's command line is ${bytes} bytes long`,
      `Linux reads ${LINUX_BYTES}: remove arguments, or move them into a file the system fetches.`,
    );
  } else if (loader === 'uboot' && bytes > UBOOT_BYTES) {
    slips.warning(
      line,
      column,
      `the kernel's command line is ${bytes} bytes long`,
      `Many builds of U-Boot take ${UBOOT_BYTES} and skip the entry beyond.`,
    );
  }
}

/** Says before the first test whether machines can be booted here. */
import { missingRequirements } from '../../src/lab/requirements.ts';

const FOR_TESTS = [
  { debian: 'ipxe', needs: ['/usr/lib/ipxe/undionly.kpxe', '/usr/lib/ipxe/snponly.efi'] },
  { debian: 'pxelinux', needs: ['/usr/lib/PXELINUX/pxelinux.0'] },
  { debian: 'syslinux-common', needs: ['/usr/lib/syslinux/modules/bios/ldlinux.c32'] },
  { debian: 'grub-efi-amd64-signed', needs: ['/usr/lib/grub/x86_64-efi-signed/grubnetx64.efi.signed'] },
  { debian: 'dnsmasq-base', needs: ['dnsmasq'] },
];

/** Real clients of the protocols, for the tests that boot no machine with them. */
export const CLIENTS = [
  { debian: 'curl', needs: ['curl'] },
  { debian: 'tftp-hpa', needs: ['tftp'] },
  { debian: 'atftp', needs: ['atftp'] },
  { debian: 'udhcpc', needs: ['udhcpc'] },
  { debian: 'isc-dhcp-client', needs: ['dhclient'] },
];

/**
 * True when the firmware tests can run. When they cannot: throws with the command that helps, or, with
 * HOBNAIL_E2E_OPTIONAL=1, says so loudly and returns false, so that the file's tests show as skipped.
 */
export async function checkRequirements(more: typeof CLIENTS = []): Promise<boolean> {
  const reasons = await missingRequirements([...FOR_TESTS, ...more]);
  if (reasons.length === 0) return true;
  const text = `firmware boots cannot run here:\n${reasons.map((reason) => `  - ${reason}`).join('\n')}`;
  if (process.env.HOBNAIL_E2E_OPTIONAL !== '1') throw new Error(text);
  console.warn(`\n*** NOT RUN: ${text}\n`);
  return false;
}

/** What a lab needs from the machine it runs on, and the command that brings it. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import { searchPath } from './command.ts';
import { FIRMWARE_FILES } from './qemu.ts';

interface Requirement {
  /** Debian package. */
  readonly debian: string;
  /** Programs looked for on the PATH, or absolute paths of files. */
  readonly needs: readonly string[];
}

const REQUIREMENTS: readonly Requirement[] = [
  { debian: 'iproute2', needs: ['ip'] },
  { debian: 'util-linux', needs: ['setpriv'] },
  { debian: 'qemu-system-x86', needs: ['qemu-system-x86_64'] },
  { debian: 'ovmf', needs: FIRMWARE_FILES.filter((file) => file.includes('OVMF')) },
  { debian: 'ipxe-qemu', needs: FIRMWARE_FILES.filter((file) => file.includes('ipxe')) },
  { debian: 'busybox-static', needs: ['/bin/busybox'] },
];

/** Why a lab cannot run here; empty when it can. One sentence each, with the command that helps. */
export async function missingRequirements(more: readonly Requirement[] = []): Promise<string[]> {
  const reasons: string[] = [];
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    reasons.push(`needs Linux on x86-64, this is ${process.platform} on ${process.arch}`);
    return reasons;
  }
  if (process.getuid?.() !== 0) reasons.push('needs root, to make network namespaces: run it with sudo');
  if (!(await isThere('/dev/net/tun'))) {
    reasons.push('needs /dev/net/tun: run "modprobe tun", or start the container with --device /dev/net/tun');
  }
  const packages: string[] = [];
  for (const { debian, needs } of [...REQUIREMENTS, ...more]) {
    const there = await Promise.all(needs.map(isThere));
    if (there.includes(false)) packages.push(debian);
  }
  if (packages.length > 0)
    reasons.push(`needs packages: apt-get install --no-install-recommends ${packages.join(' ')}`);
  return reasons;
}

async function isThere(need: string): Promise<boolean> {
  const directories = searchPath().split(':');
  const candidates = need.startsWith('/') ? [need] : directories.map((directory) => join(directory, need));
  const mode = need.startsWith('/') ? constants.F_OK : constants.X_OK;
  const found = await Promise.allSettled(candidates.map((path) => access(path, mode)));
  return found.some((outcome) => outcome.status === 'fulfilled');
}

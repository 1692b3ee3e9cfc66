import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { createTestLan } from './boot.ts';
import { filesRead } from './capture.ts';
import { GRUB_HOST } from './hosts.ts';

describe('zz', () => {
  for (const [mode, boot] of [['server', 'uefi-http'], ['proxy', 'uefi-pxe']] as const)
    test(`${mode} ${boot}`, async () => {
      const lan = await createTestLan({ label: 'zz', mode, hosts: [GRUB_HOST] });
      const file = join(lan.directory, 'server/boot-images/grub/grubnetx64.efi');
      await rm(file);
      await copyFile('/tmp/im-grub/grub.efi', file);
      try {
        const { report, traffic, seconds } = await lan.boot(GRUB_HOST, { boot, timeoutMs: 90_000 });
        console.log(mode, boot, seconds, report.commandLine, filesRead(traffic), traffic.http);
      } catch (error) { console.log(String(error).slice(-6000)); }
      finally { await lan.close(); }
    }, 200_000);
});

/** What a client gets of a file on the disk that changes while it is sent. */
import { closeSync, openSync, renameSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openUploaded } from '../../src/files/read.ts';
import { temporaryTree } from '../support/temporary-tree.ts';
import { tftpGet } from '../support/tftp-client.ts';
import { startTftp, TFTP_DOORS } from '../support/tftp-server.ts';

const OLD = Buffer.alloc(3_000_000, 'old bytes ');
const NEW = Buffer.alloc(OLD.length, 'new bytes ');

describe.each(TFTP_DOORS)('a file that is sent, by the %s door', (door) => {
  async function serve() {
    const tree = temporaryTree({ kernel: OLD });
    // What is written to it later shows in its time, however coarse that is.
    utimesSync(tree.at('kernel'), 1000, 1000);
    const running = await startTftp({}, door, undefined, () => openUploaded(tree.root, 'kernel'));
    onTestFinished(() => running.server.close());
    return { tree, ...running };
  }

  it.each([
    ['octet', '1428', '1'],
    ['octet', '1428', '16'],
    ['octet', '65464', '1'],
    ['netascii', '1428', '4'],
  ] as const)(
    'T-33 and is overwritten in place ends with an ERROR that says so, never as a mixture (%s, blocks of %s, window %s)',
    async (mode, blksize, windowsize) => {
      const { tree, port, events, idle } = await serve();
      const { bytes, error } = await tftpGet({
        port,
        path: 'kernel',
        mode,
        options: { blksize, windowsize },
        onBlock: (received) => {
          if (received !== 2) return;
          const file = openSync(tree.at('kernel'), 'r+');
          writeSync(file, NEW, 0, NEW.length, 0);
          closeSync(file);
        },
      });
      expect(error).toEqual({ code: 0, text: 'The file changed while it was read' });
      expect(bytes.length).toBeGreaterThan(0);
      expect(bytes.equals(OLD.subarray(0, bytes.length))).toBe(true);
      await idle();
      expect(events).toMatchObject([
        { kind: 'tftp.failed', summary: expect.stringContaining('The file changed while it was read') },
      ]);
    },
  );

  it('T-33 and whose name another file takes is sent to its end as it was; the next client gets the other', async () => {
    const { tree, port, events, idle } = await serve();
    writeFileSync(tree.at('next'), NEW);
    const options = { blksize: '1428', windowsize: '16' };
    const onBlock = (received: number) => {
      if (received === 2) renameSync(tree.at('next'), tree.at('kernel'));
    };
    const [first, second] = [
      await tftpGet({ port, path: 'kernel', options, onBlock }),
      await tftpGet({ port, path: 'kernel', options }),
    ];
    expect([first.bytes.equals(OLD), second.bytes.equals(NEW)]).toEqual([true, true]);
    await idle();
    expect(events.map(({ kind }) => kind)).toEqual(['tftp.done', 'tftp.done']);
  });
});

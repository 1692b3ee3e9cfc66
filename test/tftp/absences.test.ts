import { expect, it } from 'vitest';
import { createAbsences } from '../../src/tftp/absences.ts';
import type { TftpLog, Unstamped } from '../../src/tftp/report.ts';

function gathering() {
  const lines: string[] = [];
  const due: (() => void)[] = [];
  const cancelled: number[] = [];
  const quiet = () => {};
  const log: TftpLog = { debug: quiet, info: (_, line) => void lines.push(line), warn: quiet, error: quiet };
  const clock = {
    nowMs: () => 0,
    after: (_: number, callback: () => void) => {
      const index = due.push(callback) - 1;
      return () => void cancelled.push(index);
    },
  };
  const absences = createAbsences({ clock, log });
  const absent = (ip: string, path: string, kind: Unstamped['kind'] = 'tftp.absent') =>
    absences.observe({ kind, ip, path, summary: '' });
  return { absences, absent, lines, due, cancelled };
}

it('T-61 T-62 names that are not there are one line a client', () => {
  const { absent, lines, due } = gathering();
  for (const name of ['pxelinux.cfg/01-52-54', 'pxelinux.cfg/0A4D', 'pxelinux.cfg/0A4']) absent('10.77.0.9', name);
  absent('10.77.0.8', 'start.elf');
  absent('10.77.0.9', 'pxelinux.cfg/default', 'tftp.done');
  expect([lines, due.length]).toEqual([[], 2]);
  for (const fire of due) fire();
  expect(lines).toEqual([
    'TFTP: 10.77.0.9 asked for 3 names that are not there: pxelinux.cfg/01-52-54, pxelinux.cfg/0A4D, pxelinux.cfg/0A4',
  ]);
});

it('T-61 a long list is cut, and says how long it was', () => {
  const { absences, absent, lines, cancelled } = gathering();
  for (let count = 0; count < 40; count++) absent('10.77.0.9', `name-${count}`);
  absences.close();
  expect(lines[0]).toMatch(/asked for 40 names .* name-11 and 28 more$/);
  expect(cancelled).toEqual([0]);
});

it('T-61 T-70 forged addresses gather no memory', () => {
  const { absent, due } = gathering();
  for (let count = 0; count < 2000; count++) absent(`10.1.${count >> 8}.${count & 255}`, 'x');
  expect(due.length).toBe(500);
});

import { describe, expect, it } from 'vitest';
import { diagnose, findLoops } from '../../src/boot/diagnose.ts';
import type { StoredEvent } from '../../src/boot/event.ts';
import { traceBoots } from '../../src/boot/trace.ts';
import type { Mac } from '../../src/net/mac.ts';

const MAC = '52:54:00:00:00:01' as Mac;
const OTHER = '52:54:00:00:00:02' as Mac;

type Moment = [seconds: number, kind: StoredEvent['kind'], more?: Partial<StoredEvent>];

function events(...moments: Moment[]): StoredEvent[] {
  return moments.map(([seconds, kind, more], index) => ({
    id: index + 1,
    at: seconds * 1000,
    kind,
    summary: `${kind} of it`,
    mac: MAC,
    ...more,
  }));
}

const asks = (client: string, profile?: string): Partial<StoredEvent> => ({
  detail: { client },
  ...(profile !== undefined && { profile }),
});
const gets = (path: string, origin = 'image x'): Partial<StoredEvent> => ({ path, detail: { origin } });

const FIRMWARE: Moment[] = [
  [0, 'dhcp.offer', asks('pxe', 'debian')],
  [1, 'dhcp.ack', { ...asks('pxe', 'debian'), ip: '10.77.0.9' }],
  [2, 'tftp.probe', gets('ipxe/undionly.kpxe')],
  [3, 'tftp.done', gets('ipxe/undionly.kpxe')],
];
const IPXE: Moment[] = [
  [5, 'dhcp.offer', asks('ipxe', 'debian')],
  [6, 'dhcp.ack', asks('ipxe', 'debian')],
  [7, 'http.done', gets('ipxe/52-54-00-00-00-01.ipxe', 'template x')],
  [8, 'http.done', gets('debian/linux')],
  [20, 'http.done', gets('debian/initrd.gz')],
];

describe('a boot', () => {
  it('is one timeline from the firmware to the system, each step named by its stage', () => {
    const [attempt, ...more] = traceBoots(
      events(
        ...FIRMWARE,
        ...IPXE,
        [60, 'http.done', gets('preseed/52-54-00-00-00-01.cfg', 'template y')],
        [70, 'dhcp.ack', asks('other', 'debian')],
      ),
    );
    expect(more).toEqual([]);
    expect(attempt?.steps.map(({ stage }) => stage)).toEqual([
      ...['firmware', 'firmware', 'loader', 'loader'],
      ...['ipxe', 'ipxe', 'script', 'kernel', 'initrd', 'answer', 'system'],
    ]);
    expect(attempt).toMatchObject({
      id: 1,
      mac: MAC,
      profile: 'debian',
      startedAt: 0,
      lastAt: 70_000,
      reached: 'system',
    });
  });

  it('begins anew when the firmware asks again after its loader ran', () => {
    const again = FIRMWARE.map(([at, ...rest]): Moment => [at + 40, ...rest]);
    expect(traceBoots(events(...FIRMWARE, ...IPXE, ...again)).map(({ id }) => id)).toEqual([10, 1]);
  });

  it('begins anew after long silence, and repeated questions of one try stay together', () => {
    const offers: Moment[] = [0, 4, 12, 28, 400, 404].map((at) => [at, 'dhcp.offer', asks('pxe', 'x')]);
    expect(traceBoots(events(...offers)).map(({ steps }) => steps.length)).toEqual([2, 4]);
  });

  it('takes transfers in by the address DHCP gave, and keeps machines apart', () => {
    const found = traceBoots(
      events(
        [0, 'dhcp.ack', { ...asks('pxe', 'x'), ip: '10.77.0.9' }],
        [1, 'dhcp.ack', { ...asks('pxe', 'x'), ip: '10.77.0.10', mac: OTHER }],
        [2, 'tftp.done', { ...gets('pxelinux.0'), ip: '10.77.0.9', mac: undefined as never }],
      ),
    );
    expect(found.map(({ mac, reached }) => [mac, reached])).toEqual([
      [OTHER, 'firmware'],
      [MAC, 'loader'],
    ]);
  });

  it('is not what a running system asks', () => {
    expect(traceBoots(events([0, 'dhcp.ack', asks('other')], [9, 'config.loaded']))).toEqual([]);
  });
});

describe('why it stopped, by the stage it came to (D-97)', () => {
  const speak = (after: number, ...moments: Moment[]) => {
    const [attempt] = traceBoots(events(...moments));
    return attempt && diagnose(attempt, attempt.lastAt + after * 1000);
  };

  it.each<[code: string, outcome: string, moments: Moment[]]>([
    [
      'offer-not-taken',
      'stopped',
      [
        [0, 'dhcp.offer', asks('pxe', 'x')],
        [4, 'dhcp.offer', asks('pxe', 'x')],
      ],
    ],
    [
      'nothing-fetched',
      'stopped',
      [
        [0, 'dhcp.offer', asks('pxe', 'x')],
        [1, 'dhcp.ack', asks('pxe', 'x')],
      ],
    ],
    ['loader-silent', 'stopped', FIRMWARE],
    ['ipxe-silent', 'stopped', [...FIRMWARE, [5, 'dhcp.ack', asks('ipxe', 'x')]]],
    ['script-only', 'stopped', [...FIRMWARE, ...IPXE.slice(0, 3)]],
    ['transfer-failed', 'stopped', [...FIRMWARE.slice(0, 3), [9, 'tftp.aborted', gets('ipxe/undionly.kpxe')]]],
    ['file-absent', 'stopped', [...FIRMWARE, [9, 'tftp.absent', gets('ldlinux.c32')]]],
    ['file-refused', 'stopped', [...FIRMWARE, [9, 'tftp.refused', gets('../etc/passwd')]]],
    ['kernel-only', 'stopped', [...FIRMWARE, ...IPXE.slice(0, 4), [9, 'http.absent', gets('debian/initrd.gz')]]],
    ['no-answer', 'local', [[0, 'dhcp.ignored', asks('pxe')]]],
    [
      'sent-to-disk',
      'local',
      [
        [0, 'dhcp.ack', asks('pxe')],
        [2, 'tftp.done', gets('pxelinux.0')],
        [3, 'tftp.done', gets('pxelinux.cfg/default', 'template')],
      ],
    ],
    ['files-fetched', 'booted', [...FIRMWARE, ...IPXE]],
    ['system-up', 'booted', [...FIRMWARE, ...IPXE, [40, 'dhcp.ack', asks('other', 'debian')]]],
  ])('%s (%s)', (code, outcome, moments) => {
    expect(speak(300, ...moments)).toMatchObject({ code, outcome });
  });

  it('is not asked while it may still go on', () => {
    expect(speak(10, ...FIRMWARE)).toMatchObject({ outcome: 'running' });
  });

  it('is told of every attempt that stopped, with advice', () => {
    expect(speak(300, ...FIRMWARE)?.advice).toMatch(/Secure Boot/);
  });

  it('finds machines that start again and again', () => {
    const starts = [0, 200, 400, 600].map((at): Moment => [at, 'dhcp.offer', asks('pxe', 'x')]);
    const attempts = traceBoots(events(...starts, [610, 'dhcp.offer', { ...asks('pxe', 'x'), mac: OTHER }]));
    expect([...findLoops(attempts, 620_000)]).toEqual([[MAC, 4]]);
  });
});

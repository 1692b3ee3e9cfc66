/** A boot as a line a moment: time since power-on, protocol, what happened. */
import { styleText } from 'node:util';
import type { DemoMoment } from '../lab/demo.ts';

const COLOURS = { machine: 'magenta', dhcp: 'cyan', tftp: 'yellow', http: 'green', server: 'gray' } as const;

export function formatMoment({ seconds, lane, text }: DemoMoment): string {
  const time = `${seconds.toFixed(2).padStart(7)} s`;
  return `${styleText('dim', time)}  ${styleText(COLOURS[lane], lane.padEnd(8))} ${text}`;
}

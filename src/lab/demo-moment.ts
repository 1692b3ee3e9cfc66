/** Which lines of the appliance's log and of a machine's console belong into the story of a boot. Pure. */

export type DemoLane = 'machine' | 'dhcp' | 'tftp' | 'http' | 'server';

/** What one JSON line of the log tells; `at` in milliseconds since 1970. Undefined for lines that are no part of a boot. */
export function momentOfLog(
  line: string,
): { readonly at: number; readonly lane: DemoLane; readonly text: string } | undefined {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof entry !== 'object' || entry === null) return undefined;
  const { time, msg, kind, reason } = entry as { time?: unknown; msg?: unknown; kind?: unknown; reason?: unknown };
  const lane = /^(dhcp|tftp|http)\./.exec(String(kind))?.[1] as DemoLane | undefined;
  if (typeof time !== 'number' || typeof msg !== 'string' || !lane) return undefined;
  const because = typeof reason === 'string' && !msg.includes(reason) ? ` (${reason})` : '';
  return { at: time, lane, text: `${msg}${because}` };
}

const STAGES = [
  /^SeaBIOS/,
  /^iPXE [\d.]+.*(?:--|Open Source)/,
  /^>>Start (?:PXE|HTTP)/,
  /^PXELINUX /,
  /Booting .*(?:Network|Disk)/,
  /^hobnail: /i,
  /^guest: /,
];

/** The console line when it marks a stage of the boot. */
export function momentOfConsole(line: string): string | undefined {
  const text = line.trim();
  return STAGES.some((stage) => stage.test(text)) ? text : undefined;
}

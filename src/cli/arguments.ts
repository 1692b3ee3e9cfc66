/** Arguments several commands take, as commander parses them. */
import { InvalidArgumentError } from 'commander';

export function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Write a whole number.');
  return Number(text);
}

/** DHCP option 93. */
export function archArgument(text: string): number {
  const code = Number(text);
  if (!/^(?:0x[0-9a-f]+|\d+)$/i.test(text) || code > 0xffff) throw new InvalidArgumentError('Write 7 or 0x07.');
  return code;
}

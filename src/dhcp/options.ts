/** What an option is called and how its bytes are read, written and shown. */
import { IPXE_SUB_OPTIONS } from './ipxe-options.ts';
import { MESSAGE_TYPES, messageType, OPTION_ROWS } from './option-table.ts';
import type { Packet } from './packet.ts';
import { PXE_SUB_OPTIONS } from './pxe-options.ts';
import { RELAY_SUB_OPTIONS } from './relay-options.ts';
import { bytes, data, type Shape } from './shape.ts';
import { decodeSubOptions, formatSubOption, type SubOption, type SubOptionTable } from './sub-options.ts';

/** One row of the table. Values of sub-options are `SubOption[]` by the table. */
export interface OptionType {
  readonly code: number;
  /** As an operator writes it, and as dumps show it: `tftp-server-name`. */
  readonly name: string;
  readonly shape: Shape<unknown>;
  readonly subOptions?: SubOptionTable;
}

const SUB_OPTIONS: Readonly<Record<number, SubOptionTable>> = {
  43: PXE_SUB_OPTIONS,
  82: RELAY_SUB_OPTIONS,
  175: IPXE_SUB_OPTIONS,
};

export const OPTION_TYPES: readonly OptionType[] = OPTION_ROWS.map(([code, name, shape]) => {
  const subOptions = SUB_OPTIONS[code];
  return { code, name, shape, ...(subOptions && { subOptions }) };
});

const BY_CODE = new Map(OPTION_TYPES.map((type) => [type.code, type]));

/** The row of a code; a code without a row is `option-<code>`, text or bytes. */
export function optionType(code: number): OptionType {
  return BY_CODE.get(code) ?? { code, name: `option-${code}`, shape: data };
}

/** The value by the option's shape; undefined when the bytes do not have it. Never throws. */
export function decodeOption(code: number, value: Uint8Array): unknown {
  return optionType(code).shape.decode(value);
}

/** The bytes of a value; throws `RangeError` when it does not fit: for values the program made. */
export function encodeOption(code: number, value: unknown): Uint8Array {
  const { name, shape } = optionType(code);
  const encoded = shape.encode(value);
  if (!encoded) throw new RangeError(`option ${code} (${name}) must be ${shape.expects}`);
  return encoded;
}

/** One option of a packet by a shape of the caller's choice; undefined when it is absent or malformed. */
export function readOption<T>({ options }: Pick<Packet, 'options'>, code: number, shape: Shape<T>): T | undefined {
  const value = options.get(code);
  return value && shape.decode(value);
}

export type MessageType = (typeof MESSAGE_TYPES)[keyof typeof MESSAGE_TYPES];

const MESSAGE_TYPE_BY_CODE = new Map<number, MessageType>(
  Object.entries(MESSAGE_TYPES).map(([code, name]) => [Number(code), name]),
);

/** Option 53 by its name; undefined for BOOTP and for unknown types. */
export function messageTypeOf(packet: Pick<Packet, 'options'>): MessageType | undefined {
  const code = readOption(packet, 53, messageType);
  return code === undefined ? undefined : MESSAGE_TYPE_BY_CODE.get(code);
}

/** Which vendor's sub-options option 43 holds: PXE's unless option 60 names another. */
function subOptionTableOf(code: number, vendorClass?: string): SubOptionTable | undefined {
  if (code === 43 && vendorClass !== undefined && !/^(?:PXE|HTTP)Client/.test(vendorClass)) return undefined;
  return optionType(code).subOptions;
}

/**
 * The value in words, one line, without the name. Bytes without the option's shape are shown as hex and called
 * malformed. `vendorClass` is option 60 of the packet: another vendor's option 43 is shown without PXE's names.
 */
export function formatOption(
  code: number,
  value: Uint8Array,
  { vendorClass }: { vendorClass?: string | undefined } = {},
): string {
  if (code === 43 && subOptionTableOf(code, vendorClass) === undefined) return formatForeignVendor(value);
  const { shape } = optionType(code);
  const decoded = shape.decode(value);
  return decoded === undefined ? `${bytes.format(value)} (malformed)` : shape.format(decoded);
}

/** The sub-options of a value, each in words; undefined when there are none to tell apart. */
export function formatSubOptions(code: number, value: Uint8Array, vendorClass?: string): string[] | undefined {
  const table = subOptionTableOf(code, vendorClass);
  const subs = table && decodeSubOptions(value, table);
  return subs?.map((sub: SubOption) => formatSubOption(sub, table));
}

function formatForeignVendor(value: Uint8Array): string {
  const subs = decodeSubOptions(value, { padded: true });
  if (!subs || subs.length === 0) return data.format(value);
  return subs.map((sub) => `${sub.code}: ${data.format(sub.bytes)}`).join('; ');
}

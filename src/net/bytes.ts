/** Bounds-checked cursors over bytes. Big-endian, as every protocol here. */

export type WireErrorCode =
  | 'truncated'
  | 'bad-op'
  | 'bad-cookie'
  | 'bad-length'
  | 'bad-opcode'
  | 'bad-text'
  | 'too-long';

/** Malformed input, thrown by `decode` functions only. `offset` counts bytes from the start of the datagram. */
export class WireError extends Error {
  readonly code: WireErrorCode;
  readonly offset: number;

  constructor(code: WireErrorCode, offset: number, message: string) {
    super(`${message} (at byte ${offset})`);
    this.name = 'WireError';
    this.code = code;
    this.offset = offset;
  }
}

/** Reads forward through a datagram; reading past the end throws `WireError('truncated')`. */
export class ByteReader {
  readonly bytes: Uint8Array;
  #offset: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.#offset = offset;
    this.#end = end;
  }

  get offset(): number {
    return this.#offset;
  }

  get remaining(): number {
    return this.#end - this.#offset;
  }

  u8(what: string): number {
    const at = this.#take(1, what);
    return this.bytes[at] ?? 0;
  }

  u16(what: string): number {
    const at = this.#take(2, what);
    return ((this.bytes[at] ?? 0) << 8) | (this.bytes[at + 1] ?? 0);
  }

  u32(what: string): number {
    const at = this.#take(4, what);
    const byte = (index: number) => this.bytes[at + index] ?? 0;
    return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
  }

  /** Where the next `length` bytes begin, and goes on behind them. */
  pass(length: number, what: string): number {
    return this.#take(length, what);
  }

  /** A view, not a copy: it lives as long as the datagram. */
  take(length: number, what: string): Uint8Array {
    const at = this.#take(length, what);
    return this.bytes.subarray(at, at + length);
  }

  #take(length: number, what: string): number {
    if (length > this.remaining) {
      throw new WireError('truncated', this.#offset, `${what} needs ${length} bytes, ${this.remaining} are left`);
    }
    const at = this.#offset;
    this.#offset += length;
    return at;
  }
}

/** Appends to a growing buffer. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #length = 0;

  constructor(capacity = 576) {
    this.#bytes = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value & 255);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value & 0xffff);
  }

  put(bytes: ArrayLike<number>): this {
    this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Writes `bytes` into a field of exactly `length`, filled up with zeros; longer input is a programming error. */
  field(bytes: ArrayLike<number>, length: number): this {
    if (bytes.length > length) throw new RangeError(`${bytes.length} bytes do not fit a field of ${length}`);
    return this.put(bytes).zeros(length - bytes.length);
  }

  zeros(count: number): this {
    this.#grow(count);
    this.#length += count;
    return this;
  }

  /** The bytes written so far, as a view. */
  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(extra: number): void {
    const needed = this.#length + extra;
    if (needed <= this.#bytes.length) return;
    const bigger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    bigger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bigger;
  }
}

/** Writes frames and capture files byte by byte, for tests of the readers. */

export function ipv4Udp(
  payload: Uint8Array,
  ports: readonly [number, number],
  changes: { fragment?: number; options?: number } = {},
): Uint8Array {
  const headerLength = 20 + (changes.options ?? 0);
  const bytes = Buffer.alloc(headerLength + 8 + payload.length);
  bytes[0] = 0x40 | (headerLength / 4);
  bytes.writeUInt16BE(bytes.length, 2);
  bytes.writeUInt16BE(changes.fragment ?? 0, 6);
  bytes[9] = 17;
  bytes.set([10, 77, 0, 1], 12);
  bytes.set([255, 255, 255, 255], 16);
  bytes.writeUInt16BE(ports[0], headerLength);
  bytes.writeUInt16BE(ports[1], headerLength + 2);
  bytes.writeUInt16BE(8 + payload.length, headerLength + 4);
  bytes.set(payload, headerLength + 8);
  return new Uint8Array(bytes);
}

/** An Ethernet frame, padded to 60 bytes; `tags` are VLAN ethertypes, outermost first. */
export function ethernet(datagram: Uint8Array, tags: readonly number[] = []): Uint8Array {
  const tagBytes = tags.flatMap((tag) => [tag >> 8, tag & 255, 0, 100]);
  const frame = Uint8Array.of(...Array<number>(12).fill(0xaa), ...tagBytes, 8, 0, ...datagram);
  return frame.length < 60 ? Uint8Array.of(...frame, ...Array<number>(60 - frame.length).fill(0xee)) : frame;
}

/** Linux cooked capture, version 1 (16 bytes) or 2 (20 bytes). */
export function cooked(datagram: Uint8Array, version: 1 | 2): Uint8Array {
  const header = Buffer.alloc(version === 1 ? 16 : 20);
  header.writeUInt16BE(0x0800, version === 1 ? 14 : 0);
  return Uint8Array.of(...header, ...datagram);
}

interface PcapOptions {
  readonly linkType?: number;
  readonly little?: boolean;
  readonly nanoseconds?: boolean;
}

/** A pcap file; frame n is taken at 1 700 000 000 s and n × 1.5 ms. */
export function pcap(
  frames: readonly Uint8Array[],
  { linkType = 1, little = true, nanoseconds = false }: PcapOptions = {},
): Uint8Array {
  const u32 = (...values: number[]) => words(little, values);
  const magic = nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4;
  const records = frames.map((frame, index) => {
    const fraction = (index + 1) * (nanoseconds ? 1_500_000 : 1_500);
    return [...u32(1_700_000_000, fraction, frame.length, frame.length), ...frame];
  });
  return Uint8Array.from([...u32(magic, little ? 0x00040002 : 0x00020004, 0, 0, 65535, linkType), ...records.flat()]);
}

/** A pcapng file with one interface; `kind` chooses the packet block. */
export function pcapng(
  frames: readonly Uint8Array[],
  { linkType = 1, little = true, kind = 'enhanced' as 'enhanced' | 'simple' } = {},
): Uint8Array {
  const u32 = (...values: number[]) => words(little, values);
  const block = (type: number, body: number[]) => {
    const padded = [...body, ...Array<number>((4 - (body.length % 4)) % 4).fill(0)];
    return [...u32(type, padded.length + 12), ...padded, ...u32(padded.length + 12)];
  };
  const u16 = (value: number) => words(little, [value]).slice(little ? 0 : 2, little ? 2 : 4);
  const section = block(0x0a0d0d0a, [...u32(0x1a2b3c4d), ...u16(1), ...u16(0), ...u32(0xffffffff, 0xffffffff)]);
  // if_tsresol 9: nanoseconds
  const inter = block(1, [...u16(linkType), ...u16(0), ...u32(65535), ...u16(9), ...u16(1), 9, 0, 0, 0, ...u32(0)]);
  const statistics = block(5, [...u32(0, 0, 0)]);
  const packets = frames.flatMap((frame, index) => {
    if (kind === 'simple') return block(3, [...u32(frame.length), ...frame]);
    const ticks = 1_700_000_000_000_000_000n + BigInt(index + 1) * 1_500_000n;
    const stamp = u32(Number(ticks >> 32n), Number(ticks & 0xffffffffn));
    return block(6, [...u32(0), ...stamp, ...u32(frame.length, frame.length), ...frame]);
  });
  return Uint8Array.from([...section, ...inter, ...statistics, ...packets]);
}

function words(little: boolean, values: readonly number[]): number[] {
  return values.flatMap((value) => {
    const bytes = Buffer.alloc(4);
    if (little) bytes.writeUInt32LE(value);
    else bytes.writeUInt32BE(value);
    return [...bytes];
  });
}

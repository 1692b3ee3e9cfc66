/** Writer of cpio archives in the "newc" form, the one Linux unpacks as its initramfs (kernel: early-userspace/buffer-format). */

export type CpioEntry =
  | { readonly kind: 'file'; readonly path: string; readonly mode: number; readonly data: Uint8Array }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  | { readonly kind: 'device'; readonly path: string; readonly major: number; readonly minor: number };

const TYPE = { file: 0o100000, directory: 0o040000, link: 0o120000, device: 0o020000 } as const;

/** Encodes the entries in order; a directory has to come before what is in it. Paths have no leading slash. */
export function encodeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.map((entry, index) => encodeEntry(entry, index + 1));
  parts.push(encodeRecord('TRAILER!!!', [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0], new Uint8Array()));
  return Buffer.concat(parts);
}

function encodeEntry(entry: CpioEntry, inode: number): Buffer {
  const type = TYPE[entry.kind];
  switch (entry.kind) {
    case 'file':
      return record(entry.path, inode, type | entry.mode, entry.data);
    case 'directory':
      return record(entry.path, inode, type | 0o755, new Uint8Array());
    case 'link':
      return record(entry.path, inode, type | 0o777, Buffer.from(entry.target));
    case 'device':
      return record(entry.path, inode, type | 0o600, new Uint8Array(), entry.major, entry.minor);
    default:
      return entry satisfies never;
  }
}

function record(path: string, inode: number, mode: number, data: Uint8Array, major = 0, minor = 0): Buffer {
  return encodeRecord(path, [inode, mode, 0, 0, 1, 0, data.length, 0, 0, major, minor], data);
}

// Header: magic, inode, mode, uid, gid, links, mtime, size, device of the archive (2), of the node (2), name size, checksum.
function encodeRecord(path: string, fields: readonly number[], data: Uint8Array): Buffer {
  const name = Buffer.from(`${path}\0`);
  const numbers = [...fields, name.length, 0].map((value) => value.toString(16).padStart(8, '0')).join('');
  return Buffer.concat([pad(Buffer.concat([Buffer.from(`070701${numbers}`), name])), pad(data)]);
}

function pad(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}

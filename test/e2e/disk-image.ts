/** Disks that say who they are: a boot sector for BIOS, a FAT file system with an EFI program for UEFI. No tools needed. */

/** `write(text) to COM1; halt`, position-independent, for 16-bit and for 64-bit code. */
const REAL_MODE = 'fa31c08ed8be177cfcac84c07406baf803eeebf5f4ebfd';
const LONG_MODE = '488d3510000000fcac84c0740766baf803eeebf4f4ebfd';

/** The first sector of a disk: BIOS loads it to 0x7c00 and jumps there. */
export function biosDisk(says: string): Buffer {
  const sector = Buffer.alloc(512);
  Buffer.concat([Buffer.from(REAL_MODE, 'hex'), line(says)]).copy(sector);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** A FAT16 file system without partitions, as on a USB stick, with /EFI/BOOT/BOOTX64.EFI (UEFI §3.5.1.1). */
export function uefiDisk(says: string): Buffer {
  const program = efiProgram(Buffer.concat([Buffer.from(LONG_MODE, 'hex'), line(says)]));
  const disk = Buffer.alloc(SECTORS * 512);
  writeBootRecord(disk);
  const fat = Buffer.alloc(FAT_SECTORS * 512);
  // Clusters 2 and 3 are /EFI and /EFI/BOOT, 4 is the program: each one cluster, each its own end.
  for (const [index, value] of [0xfff8, 0xffff, 0xffff, 0xffff, 0xffff].entries()) fat.writeUInt16LE(value, index * 2);
  fat.copy(disk, 512);
  fat.copy(disk, (1 + FAT_SECTORS) * 512);
  const root = (1 + 2 * FAT_SECTORS) * 512;
  entry('EFI        ', DIRECTORY, 2, 0).copy(disk, root);
  const cluster = (number: number) => root + ROOT_ENTRIES * 32 + (number - 2) * CLUSTER * 512;
  directory(2, 0, entry('BOOT       ', DIRECTORY, 3, 0)).copy(disk, cluster(2));
  directory(3, 2, entry('BOOTX64 EFI', FILE, 4, program.length)).copy(disk, cluster(3));
  program.copy(disk, cluster(4));
  return disk;
}

const SECTORS = 16_384;
const CLUSTER = 2;
const FAT_SECTORS = 32;
const ROOT_ENTRIES = 512;
const DIRECTORY = 0x10;
const FILE = 0x20;

function line(text: string): Buffer {
  return Buffer.from(`\r\n${text}\r\n\0`, 'latin1');
}

/** BIOS parameter block of FAT16. */
function writeBootRecord(disk: Buffer): void {
  disk.write('eb3c90', 0, 'hex');
  disk.write('HOBNAIL ', 3, 'latin1');
  disk.writeUInt16LE(512, 11);
  disk.writeUInt8(CLUSTER, 13);
  disk.writeUInt16LE(1, 14);
  disk.writeUInt8(2, 16);
  disk.writeUInt16LE(ROOT_ENTRIES, 17);
  disk.writeUInt16LE(SECTORS, 19);
  disk.writeUInt8(0xf8, 21);
  disk.writeUInt16LE(FAT_SECTORS, 22);
  disk.writeUInt16LE(63, 24);
  disk.writeUInt16LE(255, 26);
  disk.writeUInt8(0x80, 36);
  disk.writeUInt8(0x29, 38);
  disk.write('HOBNAIL    FAT16   ', 43, 'latin1');
  disk.writeUInt16LE(0xaa55, 510);
}

function directory(own: number, parent: number, child: Buffer): Buffer {
  return Buffer.concat([entry('.          ', DIRECTORY, own, 0), entry('..         ', DIRECTORY, parent, 0), child]);
}

function entry(name: string, attributes: number, cluster: number, size: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.write(name, 0, 'latin1');
  bytes.writeUInt8(attributes, 11);
  bytes.writeUInt16LE(cluster, 26);
  bytes.writeUInt32LE(size, 28);
  return bytes;
}

/** PE32+ for x64 with one section that holds the code (Microsoft PE format; UEFI §2.1.1). At most one cluster long. */
function efiProgram(code: Buffer): Buffer {
  const image = Buffer.alloc(1024);
  image.write('MZ', 0, 'latin1');
  image.writeUInt32LE(0x80, 0x3c);
  image.write('PE\0\0', 0x80, 'latin1');
  const coff = 0x84;
  image.writeUInt16LE(0x8664, coff);
  image.writeUInt16LE(1, coff + 2);
  image.writeUInt16LE(0xf0, coff + 16);
  image.writeUInt16LE(0x0022, coff + 18);
  const optional = coff + 20;
  image.writeUInt16LE(0x20b, optional);
  image.writeUInt32LE(512, optional + 4);
  image.writeUInt32LE(0x1000, optional + 16);
  image.writeUInt32LE(0x1000, optional + 20);
  image.writeUInt32LE(0x1000, optional + 32);
  image.writeUInt32LE(512, optional + 36);
  image.writeUInt32LE(0x2000, optional + 56);
  image.writeUInt32LE(512, optional + 60);
  image.writeUInt16LE(10, optional + 68);
  image.writeUInt32LE(16, optional + 108);
  const section = optional + 0xf0;
  image.write('.text', section, 'latin1');
  image.writeUInt32LE(code.length, section + 8);
  image.writeUInt32LE(0x1000, section + 12);
  image.writeUInt32LE(512, section + 16);
  image.writeUInt32LE(512, section + 20);
  image.writeUInt32LE(0x60000020, section + 36);
  code.copy(image, 512);
  return image;
}

import type { TarEntry } from '../tar/entry.ts'

/** A tar entry of our own for a file: mode, owner and time 0, as upstream writes landmark and TOC. */
export function plainFileHeader(
  name: string,
  size: number,
): { entry: TarEntry; header: Uint8Array } {
  const header = Buffer.alloc(512)
  header.write(name, 0, 'latin1')
  const octal = (value: number, at: number, width: number): void => {
    header.write(value.toString(8).padStart(width - 1, '0'), at, 'latin1')
  }
  octal(0, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(0, 136, 12)
  header.write('        0', 148, 'latin1')
  header.write('ustar\x0000', 257, 'latin1')
  octal(0, 329, 8)
  octal(0, 337, 8)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  const entry: TarEntry = {
    type: 'file',
    name,
    linkname: '',
    mode: 0,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    mtime: 0,
    mtimeNanoseconds: 0,
    size,
    devMajor: 0,
    devMinor: 0,
    typeflag: 0x30,
    sparse: false,
    fromGlobal: false,
    offset: 0,
  }
  return { entry, header }
}

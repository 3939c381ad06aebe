/** What stands in the fields of a header block, byte for byte: Latin-1 text, put where the field begins. */
export interface BlockFields {
  name?: string
  mode?: string
  uid?: string
  gid?: string
  size?: string
  mtime?: string
  typeflag?: string
  linkname?: string
  magic?: string
  uname?: string
  gname?: string
  devmajor?: string
  devminor?: string
  prefix?: string
  /** Old GNU sparse: extents, "more follow" and size. */
  sparse?: string
  isextended?: string
  realsize?: string
  trailer?: string
  /** Instead of the right one. */
  chksum?: string
}

/** Where the fields begin. Written down here a second time so that a wrong number in the product is seen. */
const OFFSETS: Readonly<Record<keyof BlockFields, number>> = {
  name: 0,
  mode: 100,
  uid: 108,
  gid: 116,
  size: 124,
  mtime: 136,
  chksum: 148,
  typeflag: 156,
  linkname: 157,
  magic: 257,
  uname: 265,
  gname: 297,
  devmajor: 329,
  devminor: 337,
  prefix: 345,
  sparse: 386,
  isextended: 482,
  realsize: 483,
  trailer: 508,
}

export const USTAR = 'ustar\u000000'
export const GNU = 'ustar  \0'

/**
 * A header block in which the test chooses every byte; what is not given is a file `f` of root, mode 0644, empty,
 * at the epoch, with ustar's magic.
 */
export function tarBlock(fields: BlockFields = {}): Uint8Array {
  const block = Buffer.alloc(512)
  const all: BlockFields = {
    name: 'f',
    mode: '0000644\0',
    uid: '0000000\0',
    gid: '0000000\0',
    size: '00000000000\0',
    mtime: '00000000000\0',
    typeflag: '0',
    magic: USTAR,
    ...fields,
  }
  for (const [field, value] of Object.entries(all)) {
    block.write(value, OFFSETS[field as keyof BlockFields], 'latin1')
  }
  if (fields.chksum !== undefined) return block
  block.fill(0x20, 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return block
}

/** Twelve bytes of octal digits, as in `size` and `mtime`. */
export function octal(value: number, width = 12): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`
}

/** Content, filled up to whole blocks. */
export function blocks(content: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(content)
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)])
}

/** An extension header with its body: PAX records for `x` and `g`, a text for `L` and `K`. */
export function tarExtension(typeflag: string, body: string | Uint8Array): Uint8Array {
  const bytes = Buffer.from(body)
  const magic = typeflag === 'L' || typeflag === 'K' ? GNU : USTAR
  const block = tarBlock({ name: 'extension', typeflag, magic, size: octal(bytes.length) })
  return Buffer.concat([block, blocks(bytes)])
}

/** A PAX header, local unless said, of records in the given order. */
export function paxHeader(
  records: readonly (readonly [key: string, value: string | Uint8Array])[],
  typeflag = 'x',
): Uint8Array {
  const lines = records.map(([key, value]) => {
    const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
    let length = rest.length
    while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length
    return Buffer.concat([Buffer.from(`${length}`), rest])
  })
  return tarExtension(typeflag, Buffer.concat(lines))
}

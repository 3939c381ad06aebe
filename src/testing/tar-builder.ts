import assert from 'node:assert/strict'

/** Metadata of an entry; what is left out is root's, mode 0644 (0755 for directories), at the epoch. */
export interface TestEntryInit {
  mode?: number
  uid?: number
  gid?: number
  uname?: string
  gname?: string
  /** Seconds since 1970; a fraction needs the `pax` dialect. */
  mtime?: number
  xattrs?: Record<string, string | Uint8Array>
  /** Further PAX records, written as given after those that the entry needs. */
  pax?: Record<string, string>
  /** Replaces the typeflag of the header, one character. */
  typeflag?: string
}

/** A name as text, or as bytes where it is not valid UTF-8. */
export type TestName = string | Uint8Array

/** Writes a tar for a test, entry after entry; each method returns the builder. */
export interface TarBuilder {
  file(name: TestName, content?: string | Uint8Array, init?: TestEntryInit): TarBuilder
  directory(name: TestName, init?: TestEntryInit): TarBuilder
  symlink(name: TestName, target: TestName, init?: TestEntryInit): TarBuilder
  hardlink(name: TestName, target: TestName, init?: TestEntryInit): TarBuilder
  character(name: TestName, major: number, minor: number, init?: TestEntryInit): TarBuilder
  block(name: TestName, major: number, minor: number, init?: TestEntryInit): TarBuilder
  fifo(name: TestName, init?: TestEntryInit): TarBuilder
  /** A file that removes `path` of the layers below: `dir/.wh.name`. Source: OCI image-spec layer.md, "Whiteouts". */
  whiteout(path: string): TarBuilder
  /** A file that hides all that the layers below have in a directory: `dir/.wh..wh..opq`. */
  opaque(directory: string): TarBuilder
  /** A PAX global header. */
  global(records: Record<string, string>): TarBuilder
  /** Bytes as they are, for what the other methods cannot write. */
  raw(bytes: Uint8Array): TarBuilder
  /** The tar, with its two blocks of zeros unless `end` is false. */
  bytes(init?: { end?: boolean }): Uint8Array
}

/** How names and numbers that do not fit into the header are written. */
export type TarDialect = 'pax' | 'gnu'

interface Header {
  name: Uint8Array
  linkname: Uint8Array
  typeflag: string
  size: number
  mode: number
  devMajor: number
  devMinor: number
  init: TestEntryInit
}

/** Begins a tar. Source of the layout: POSIX.1-2024 pax, "ustar Interchange Format", and the GNU tar manual. */
export function testTar(init: { dialect?: TarDialect } = {}): TarBuilder {
  const dialect = init.dialect ?? 'pax'
  const pieces: Uint8Array[] = []
  const add = (
    name: TestName,
    typeflag: string,
    entry: TestEntryInit = {},
    rest: { content?: string | Uint8Array; target?: TestName; major?: number; minor?: number } = {},
  ): TarBuilder => {
    const content = Buffer.from(rest.content ?? '')
    const header: Header = {
      name: Buffer.from(name),
      linkname: Buffer.from(rest.target ?? ''),
      typeflag: entry.typeflag ?? typeflag,
      size: content.length,
      mode: entry.mode ?? (typeflag === '5' ? 0o755 : 0o644),
      devMajor: rest.major ?? 0,
      devMinor: rest.minor ?? 0,
      init: entry,
    }
    pieces.push(
      ...(dialect === 'pax' ? paxHeaders(header) : gnuHeaders(header)),
      ustar(header, dialect),
      padded(content),
    )
    return builder
  }
  const builder: TarBuilder = {
    file: (name, content, entry) => add(name, '0', entry, content === undefined ? {} : { content }),
    directory: (name, entry) => add(name, '5', entry),
    symlink: (name, target, entry) => add(name, '2', { mode: 0o777, ...entry }, { target }),
    hardlink: (name, target, entry) => add(name, '1', entry, { target }),
    character: (name, major, minor, entry) => add(name, '3', entry, { major, minor }),
    block: (name, major, minor, entry) => add(name, '4', entry, { major, minor }),
    fifo: (name, entry) => add(name, '6', entry),
    whiteout(path) {
      const slash = path.lastIndexOf('/') + 1
      return add(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, '0')
    },
    opaque: (directory) => add(`${directory.replace(/\/*$/, '/')}.wh..wh..opq`, '0'),
    global(records) {
      const content = Buffer.concat(
        Object.entries(records).map(([key, value]) => paxRecord(key, value)),
      )
      pieces.push(extension('pax_global_header', 'g', content, 'pax'), padded(content))
      return builder
    },
    raw(bytes) {
      pieces.push(bytes)
      return builder
    },
    bytes({ end = true } = {}) {
      return Buffer.concat(end ? [...pieces, new Uint8Array(1024)] : pieces)
    },
  }
  return builder
}

/** The `x` header of an entry, where it needs one. */
function paxHeaders({ name, linkname, size, init }: Header): Uint8Array[] {
  const records: [string, string | Uint8Array][] = []
  if (name.length > 100) records.push(['path', name])
  if (linkname.length > 100) records.push(['linkpath', linkname])
  if (size > 0o77777777777) records.push(['size', String(size)])
  for (const key of ['uid', 'gid'] as const) {
    if ((init[key] ?? 0) > 0o7777777) records.push([key, String(init[key])])
  }
  for (const key of ['uname', 'gname'] as const) {
    if (Buffer.byteLength(init[key] ?? '') > 32) records.push([key, init[key]!])
  }
  const mtime = init.mtime ?? 0
  if (!Number.isInteger(mtime) || mtime < 0) records.push(['mtime', String(mtime)])
  for (const [key, value] of Object.entries(init.xattrs ?? {})) {
    records.push([`SCHILY.xattr.${key}`, value])
  }
  records.push(...Object.entries(init.pax ?? {}))
  if (records.length === 0) return []
  const content = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)))
  return [extension('PaxHeaders/entry', 'x', content, 'pax'), padded(content)]
}

/** GNU's `K` and `L` headers, where the names need them. */
function gnuHeaders({ name, linkname, init }: Header): Uint8Array[] {
  assert(init.xattrs === undefined && init.pax === undefined, 'the gnu dialect has no records')
  const blocks: Uint8Array[] = []
  for (const [text, typeflag] of [
    [linkname, 'K'],
    [name, 'L'],
  ] as const) {
    if (text.length <= 100) continue
    const content = Buffer.concat([text, Buffer.from([0])])
    blocks.push(extension('././@LongLink', typeflag, content, 'gnu'), padded(content))
  }
  return blocks
}

function extension(
  name: string,
  typeflag: string,
  content: Uint8Array,
  dialect: TarDialect,
): Uint8Array {
  const header = { name: Buffer.from(name), linkname: Buffer.alloc(0), typeflag, mode: 0o644 }
  return ustar({ ...header, size: content.length, devMajor: 0, devMinor: 0, init: {} }, dialect)
}

/** One 512-byte header block. */
function ustar(header: Header, dialect: TarDialect): Uint8Array {
  const { init } = header
  const block = Buffer.alloc(512)
  const text = (at: number, size: number, value: Uint8Array | string) =>
    block.set(Buffer.from(value).subarray(0, size), at)
  const number = (at: number, size: number, value: number) => {
    const octal = value.toString(8)
    if (value >= 0 && octal.length < size) text(at, size, octal.padStart(size - 1, '0'))
    else if (dialect === 'gnu') base256(block.subarray(at, at + size), value)
    else text(at, size, '0'.repeat(size - 1)) // a record says it
  }
  text(0, 100, header.name)
  number(100, 8, header.mode)
  number(108, 8, init.uid ?? 0)
  number(116, 8, init.gid ?? 0)
  number(124, 12, header.size)
  number(136, 12, Math.floor(init.mtime ?? 0))
  text(148, 8, ' '.repeat(8))
  text(156, 1, header.typeflag)
  text(157, 100, header.linkname)
  text(257, 8, dialect === 'pax' ? 'ustar\u000000' : 'ustar  \u0000')
  text(265, 32, init.uname ?? '')
  text(297, 32, init.gname ?? '')
  if (header.devMajor !== 0 || header.devMinor !== 0 || dialect === 'pax') {
    number(329, 8, header.devMajor)
    number(337, 8, header.devMinor)
  }
  const sum = block.reduce((total, byte) => total + byte, 0)
  text(148, 8, `${sum.toString(8).padStart(6, '0')}\u0000 `)
  return block
}

/** GNU's form of a number that is negative or too large: big-endian two's complement, the first bit set. */
function base256(field: Uint8Array, value: number): void {
  let rest = BigInt(value)
  for (let at = field.length - 1; at >= 0; at--) {
    field[at] = Number(rest & 0xffn)
    rest >>= 8n
  }
  field[0]! |= 0x80
}

/** `length key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: string | Uint8Array): Uint8Array {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value), Buffer.from('\n')])
  let length = rest.length
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length
  return Buffer.concat([Buffer.from(String(length)), rest])
}

function padded(content: Uint8Array): Uint8Array {
  return Buffer.concat([content, new Uint8Array((512 - (content.length % 512)) % 512)])
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTar } from '../../testing/read-tar.ts'
import {
  type BlockFields,
  blocks,
  GNU,
  octal,
  paxHeader,
  tarBlock,
  tarExtension,
} from '../../testing/tar-block.ts'
import type { TarEntry } from './entry.ts'
import { TarReader } from './reader.ts'

const END = Buffer.alloc(1024)

/** The only entry of a tar of `parts`. */
function only(...parts: Uint8Array[]): TarEntry {
  const { entries } = readTar(Buffer.concat([...parts, END]))
  assert.equal(entries.length, 1)
  return entries[0]!.entry
}

function assertHas(entry: TarEntry, expected: Partial<TarEntry>): void {
  const got = Object.fromEntries(
    Object.keys(expected).map((key) => [key, entry[key as keyof TarEntry]]),
  )
  assert.deepEqual(got, expected)
}

test('an ordinary ustar file', () => {
  const header = tarBlock({
    name: 'dir/file',
    mode: '0100755\0', // Go before 1.9 added the file type
    uid: '0001750\0',
    gid: '0000144\0',
    size: '00000000005\0',
    mtime: '13727504400\0',
    uname: 'user',
    gname: 'users',
  })
  const { entries } = readTar(Buffer.concat([header, blocks('hello'), END]))
  assert.deepEqual(entries[0], {
    entry: {
      type: 'file',
      name: 'dir/file',
      linkname: '',
      mode: 0o755,
      uid: 1000,
      gid: 100,
      uname: 'user',
      gname: 'users',
      mtime: 1_600_030_976,
      mtimeNanoseconds: 0,
      size: 5,
      devMajor: 0,
      devMinor: 0,
      typeflag: 0x30,
      sparse: false,
      fromGlobal: false,
      offset: 0,
    },
    header: Buffer.from(header),
    content: Buffer.from('hello'),
  })
})

const b256 = (hex: string) => Buffer.from(hex, 'hex').toString('latin1')

/** Fields of one block, and what they mean. */
const singleBlocks: Record<string, [BlockFields, Partial<TarEntry>]> = {
  'v7: a file': [
    { magic: '', typeflag: '\0', uname: 'x', prefix: 'y' },
    { type: 'file', name: 'f', uname: '', typeflag: 0 },
  ],
  'v7: a directory by its slash': [
    { magic: '', typeflag: '\0', name: 'd/', size: octal(512) },
    { type: 'directory', name: 'd/', size: 0 },
  ],
  'a slash makes no directory of typeflag 0': [{ name: 'd/' }, { type: 'file', name: 'd/' }],
  'ustar: prefix and name of full length': [
    { name: 'n'.repeat(100), prefix: 'p'.repeat(155) },
    { name: `${'p'.repeat(155)}/${'n'.repeat(100)}` },
  ],
  'star: a shorter prefix, times behind it': [
    { prefix: `${'p'.repeat(131)}01234567012 01234567012 `, trailer: 'tar\0' },
    { name: `${'p'.repeat(131)}/f` },
  ],
  'GNU: times where ustar has the prefix': [
    { magic: GNU, prefix: `${octal(1)}${octal(2)}` },
    { name: 'f' },
  ],
  'Go before 1.8: a prefix under the magic of GNU': [
    { magic: GNU, prefix: 'long/directory/name' },
    { name: 'long/directory/name/f' },
  ],
  'GNU: bytes that are neither times nor ASCII are no prefix': [
    { magic: GNU, prefix: 'caf\xe9' },
    { name: 'f' },
  ],
  'octal: spaces before and behind': [
    { uid: '   750 \0', gid: '\0\0   7 \0', mode: ' 644 \0\0\0', mtime: '          7 ' },
    { uid: 0o750, gid: 7, mode: 0o644, mtime: 7 },
  ],
  'octal: empty fields are 0': [
    { uid: '        ', gid: '\0'.repeat(8), mode: '', mtime: '' },
    { uid: 0, gid: 0, mtime: 0 },
  ],
  'octal: digits up to the end of the field': [{ uid: '77777777' }, { uid: 0o77777777 }],
  'base-256: large numbers': [
    { uid: b256('80000000b2d05e00'), mtime: b256('800000000000000400000000') },
    { uid: 3_000_000_000, mtime: 2 ** 34 },
  ],
  'base-256: -1 and less': [{ mtime: b256('ffffffffffffffffffffff01') }, { mtime: -255 }],
  'base-256: the smallest safe time': [
    { mtime: b256('ffffffffffe0000000000001') },
    { mtime: Number.MIN_SAFE_INTEGER },
  ],
  'a contiguous file': [{ typeflag: '7' }, { type: 'file', typeflag: 0x37 }],
  'a character device': [
    { typeflag: '3', devmajor: '0000001\0', devminor: '0000003\0', size: octal(512) },
    { type: 'character', devMajor: 1, devMinor: 3, size: 0 },
  ],
  'a block device with large numbers': [
    { typeflag: '4', devmajor: octal(4095, 8), devminor: octal(1_048_575, 8) },
    { type: 'block', devMajor: 4095, devMinor: 1_048_575 },
  ],
  'device numbers of what is no device mean nothing': [
    { devmajor: 'rubbish!', devminor: '99999999' },
    { type: 'file', devMajor: 0, devMinor: 0 },
  ],
  'a fifo': [{ typeflag: '6' }, { type: 'fifo', size: 0 }],
  'a symlink of full length': [
    { typeflag: '2', linkname: 't'.repeat(100) },
    { type: 'symlink', linkname: 't'.repeat(100), size: 0 },
  ],
  'a hard link with a size has no content': [
    { typeflag: '1', linkname: 'target', size: octal(4096) },
    { type: 'hardlink', linkname: 'target', size: 0 },
  ],
  'a directory with a size has no content': [
    { typeflag: '5', name: 'd/', size: octal(4096) },
    { type: 'directory', size: 0 },
  ],
  'the link target of a file means nothing': [{ linkname: 'x' }, { linkname: '' }],
  'names are kept as stored': [{ name: './a//b/../c' }, { name: './a//b/../c' }],
  'a name in UTF-8': [{ name: 'caf\xc3\xa9' }, { name: 'café' }],
  'U+FFFD itself is valid UTF-8': [{ name: '\xef\xbf\xbd' }, { name: '\ufffd' }],
}

for (const [name, [fields, expected]] of Object.entries(singleBlocks)) {
  test(name, () => {
    assertHas(only(tarBlock(fields)), expected)
  })
}

test('U+FFFD itself leaves no bytes beside the name', () => {
  assert.equal('nameBytes' in only(tarBlock({ name: '\xef\xbf\xbd' })), false)
})

test('names and targets that are not UTF-8 keep their bytes', () => {
  const entry = only(tarBlock({ typeflag: '2', name: 'a/caf\xe9', linkname: '\xff\xfe' }))
  assertHas(entry, {
    name: 'a/caf\ufffd',
    nameBytes: Uint8Array.from(Buffer.from('a/caf\xe9', 'latin1')),
    linkname: '\ufffd\ufffd',
    linknameBytes: Uint8Array.of(0xff, 0xfe),
  })
})

test('the bytes of a prefixed name are joined as well', () => {
  const entry = only(tarBlock({ name: '\xe9', prefix: 'p' }))
  assert.deepEqual(entry.nameBytes, Uint8Array.from([0x70, 0x2f, 0xe9]))
})

test('a checksum of signed bytes', () => {
  const unsigned = Buffer.from(tarBlock({ name: '\xe9\xe9' }))
  const sum = Number.parseInt(unsigned.toString('latin1', 148, 154), 8)
  const chksum = `${(sum - 2 * 256).toString(8).padStart(6, '0')}\0 `
  assert.equal(only(tarBlock({ name: '\xe9\xe9', chksum })).name, '\ufffd\ufffd')
})

/** PAX records, in order, before a block of a file (or what is said), and what they mean. */
const records: Record<string, [[string, string | Uint8Array][], Partial<TarEntry>, BlockFields?]> =
  {
    'PAX: names and owners': [
      [
        ['path', 'é/long'],
        ['uid', '3000000'],
        ['gid', '4294967295'],
        ['uname', 'zoë'],
        ['gname', 'g'.repeat(40)],
      ],
      { name: 'é/long', uid: 3_000_000, gid: 4_294_967_295, uname: 'zoë', gname: 'g'.repeat(40) },
    ],
    'PAX: a link target': [
      [['linkpath', 't'.repeat(300)]],
      { type: 'symlink', linkname: 't'.repeat(300) },
      { typeflag: '2', linkname: 'short' },
    ],
    'PAX: a time with nanoseconds': [
      [['mtime', '1600000000.123456789']],
      { mtime: 1_600_000_000, mtimeNanoseconds: 123_456_789 },
    ],
    'PAX: a time with few digits': [
      [['mtime', '7.5']],
      { mtime: 7, mtimeNanoseconds: 500_000_000 },
    ],
    'PAX: a time with too many digits': [
      [['mtime', '7.0000000019']],
      { mtime: 7, mtimeNanoseconds: 1 },
    ],
    'PAX: a time with a bare point': [[['mtime', '7.']], { mtime: 7, mtimeNanoseconds: 0 }],
    'PAX: a time before 1970': [[['mtime', '-1.25']], { mtime: -2, mtimeNanoseconds: 750_000_000 }],
    'PAX: whole seconds before 1970': [[['mtime', '-5']], { mtime: -5, mtimeNanoseconds: 0 }],
    'PAX: minus nothing is nothing': [[['mtime', '-0.0']], { mtime: 0, mtimeNanoseconds: 0 }],
    'PAX: the last of a key wins': [
      [
        ['path', 'first'],
        ['mtime', '1'],
        ['path', 'last'],
        ['mtime', '2'],
      ],
      { name: 'last', mtime: 2 },
    ],
    'PAX: an empty value leaves the header to speak': [
      [
        ['path', 'x'],
        ['path', ''],
        ['uid', ''],
      ],
      { name: 'f', uid: 5 },
      { uid: '0000005\0' },
    ],
    'PAX: unknown keys mean nothing': [
      [
        ['comment', 'x'],
        ['VENDOR.x', Uint8Array.of(0xff, 0, 0x79)],
        ['LIBARCHIVE.creationtime', '1'],
        ['hdrcharset', 'ISO-IR 10646 2000 UTF-8'],
        ['SCHILY.fflags', 'nodump'],
      ],
      { name: 'f' },
    ],
    'PAX: binary names': [
      [
        ['hdrcharset', 'BINARY'],
        ['path', Uint8Array.of(0x61, 0xff)],
      ],
      { name: 'a\ufffd', nameBytes: Uint8Array.of(0x61, 0xff) },
    ],
    'PAX: attributes are bytes, in order': [
      [
        ['SCHILY.xattr.user.b', Uint8Array.of(0, 255, 10, 61, 0)],
        ['SCHILY.xattr.user.a', ''],
        ['SCHILY.xattr.user.é', 'ü'],
        ['SCHILY.xattr.user.b', Uint8Array.of(1)],
      ],
      {
        xattrs: new Map([
          ['user.b', Uint8Array.of(1)],
          ['user.a', new Uint8Array(0)],
          ['user.é', Uint8Array.of(0xc3, 0xbc)],
        ]),
      },
    ],
    'PAX: attributes of libarchive': [
      [
        ['LIBARCHIVE.xattr.user.a%3Db%25', 'AP8K'],
        ['LIBARCHIVE.xattr.user.padded', 'AA=='],
        ['LIBARCHIVE.xattr.user.bare', 'AA'],
      ],
      {
        xattrs: new Map([
          ['user.a=b%', Uint8Array.of(0, 255, 10)],
          ['user.padded', Uint8Array.of(0)],
          ['user.bare', Uint8Array.of(0)],
        ]),
      },
    ],
  }

for (const [name, [pax, expected, fields]] of Object.entries(records)) {
  test(name, () => {
    assertHas(only(paxHeader(pax), tarBlock(fields)), expected)
  })
}

test('PAX: the size of the content', () => {
  const header = Buffer.concat([paxHeader([['size', '6']]), tarBlock()])
  const { entries } = readTar(
    Buffer.concat([header, blocks('sixsix'), tarBlock({ name: 'g' }), END]),
  )
  assert.equal(entries[0]?.content.toString(), 'sixsix')
  assert.deepEqual(entries[0]?.header, header)
  assert.equal(entries[1]?.entry.name, 'g')
  assert.equal(entries[1]?.entry.offset, header.length + 512)
})

test('PAX: a size beyond 8 GiB is read, and its lack noticed', () => {
  const reader = new TarReader({ what: 'test' })
  reader.push(Buffer.concat([paxHeader([['size', '9007199254740991']]), tarBlock(), blocks('x')]))
  const event = reader.next()
  assert(event?.type === 'entry')
  assert.equal(event.entry.size, Number.MAX_SAFE_INTEGER)
  assert.equal(reader.next()?.type, 'data')
  reader.end()
  assert.throws(() => reader.next(), { code: 'FORMAT_TRUNCATED' })
})

test('GNU long names and targets', () => {
  const name = `${'n'.repeat(120)}/${'m'.repeat(120)}`
  const header = Buffer.concat([
    tarExtension('K', `${'t'.repeat(200)}\0`),
    tarExtension('L', `${name}\0\0rubbish`),
    tarBlock({ typeflag: '2', name: name.slice(0, 100), linkname: 't'.repeat(100), magic: GNU }),
  ])
  const { entries } = readTar(Buffer.concat([header, tarBlock({ name: 'next' }), END]))
  assertHas(entries[0]!.entry, { name, linkname: 't'.repeat(200), offset: 0 })
  assert.deepEqual(entries[0]?.header, header)
  assertHas(entries[1]!.entry, { name: 'next', offset: header.length })
})

test('PAX names go before GNU names', () => {
  assert.equal(
    only(tarExtension('L', 'gnu\0'), paxHeader([['path', 'pax']]), tarBlock()).name,
    'pax',
  )
})

test('global PAX records count for all that follow, below local ones', () => {
  const first = paxHeader(
    [
      ['comment', '0123'],
      ['uid', '7'],
      ['mtime', '9.5'],
      ['SCHILY.xattr.user.g', 'global'],
    ],
    'g',
  )
  const { entries } = readTar(
    Buffer.concat([
      first,
      tarBlock({ name: 'a', uid: '0000001\0' }),
      paxHeader([
        ['uid', '8'],
        ['mtime', ''],
        ['SCHILY.xattr.user.g', 'local'],
        ['SCHILY.xattr.user.l', 'l'],
      ]),
      tarBlock({ name: 'b', mtime: octal(3) }),
      paxHeader([['gid', '9']], 'g'),
      tarBlock({ name: 'c' }),
      END,
    ]),
  )
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text))
  const [a, b, c] = entries
  assertHas(a!.entry, { uid: 7, gid: 0, mtime: 9, mtimeNanoseconds: 500_000_000, fromGlobal: true })
  assertHas(a!.entry, { xattrs: new Map([['user.g', bytes('global')]]), offset: first.length })
  assert.equal(a!.header.length, 512)
  assertHas(b!.entry, { uid: 8, mtime: 3, mtimeNanoseconds: 0, fromGlobal: false })
  assertHas(b!.entry, {
    xattrs: new Map([
      ['user.g', bytes('local')],
      ['user.l', bytes('l')],
    ]),
  })
  assertHas(c!.entry, { uid: 7, gid: 9, fromGlobal: true })
})

test('a global header that says nothing of entries, as of git archive', () => {
  const entry = only(paxHeader([['comment', '0'.repeat(40)]], 'g'), tarBlock())
  assertHas(entry, { fromGlobal: false, offset: 1024 })
})

test('a global header between the blocks of an entry is left out of them', () => {
  const local = paxHeader([['path', 'local']])
  const own = tarBlock()
  const { entries } = readTar(Buffer.concat([local, paxHeader([['uid', '7']], 'g'), own, END]))
  assertHas(entries[0]!.entry, { name: 'local', uid: 7, offset: 0 })
  assert.deepEqual(entries[0]!.header, Buffer.concat([local, own]))
})

/** How a tar may end, and the bytes that follow its end. */
const ends: Record<string, [Uint8Array, number]> = {
  'nothing at all': [Buffer.alloc(0), 0],
  'one block of zeros': [Buffer.alloc(512), 0],
  'two blocks of zeros': [END, 0],
  'a record of zeros': [Buffer.alloc(10_240), 9216],
  'rubbish after the end': [Buffer.concat([END, Buffer.from('rubbish')]), 7],
}

for (const [name, [end, trailing]] of Object.entries(ends)) {
  test(`a tar may end with ${name}`, () => {
    const file = Buffer.concat([tarBlock({ size: octal(3) }), blocks('abc')])
    for (const pieces of [[], [1], [100], [512]]) {
      const tar = readTar(Buffer.concat([file, end]), { pieces })
      assert.deepEqual([tar.entries.length, tar.trailing], [1, trailing])
      assert.deepEqual(readTar(end, { pieces }), { entries: [], trailing })
    }
  })
}

test('events in their order, and nothing after the end', () => {
  const reader = new TarReader({ what: 'test' })
  assert.equal(reader.next(), undefined)
  const piece = Buffer.concat([tarBlock({ size: octal(3) }), blocks('abc'), tarBlock(), END])
  reader.push(piece.subarray(0, 514))
  assert.equal(reader.next()?.type, 'entry')
  assert.throws(() => reader.push(piece), /before the last piece was read/)
  const data = reader.next()
  assert(data?.type === 'data')
  assert.equal(data.bytes.buffer, piece.buffer, 'a view, no copy')
  assert.equal(reader.next(), undefined)
  reader.push(piece.subarray(514))
  assert.deepEqual(
    Array.from({ length: 2 }, () => reader.next()?.type),
    ['data', 'entry'],
  )
  assert.equal(reader.next(), undefined)
  reader.end()
  assert.deepEqual(reader.next(), { type: 'end' })
  assert.equal(reader.next(), undefined)
  assert.equal(reader.offset, piece.length)
})

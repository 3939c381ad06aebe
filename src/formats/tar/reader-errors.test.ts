import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccelError, isAccelError } from '../../errors/accel-error.ts'
import { readTar } from '../../testing/read-tar.ts'
import { blocks, GNU, octal, paxHeader, tarBlock, tarExtension } from '../../testing/tar-block.ts'
import type { TarLimits } from './limits.ts'
import { TarReader } from './reader.ts'

const END = Buffer.alloc(1024)
const file = Buffer.concat([tarBlock({ name: 'first', size: octal(3) }), blocks('abc')])

function failure(parts: Uint8Array[], limits?: Partial<TarLimits>, pieces?: number[]): AccelError {
  try {
    readTar(Buffer.concat(parts), {
      ...(limits === undefined ? {} : { limits }),
      ...(pieces === undefined ? {} : { pieces }),
    })
  } catch (error) {
    assert(error instanceof AccelError, String(error))
    return error
  }
  assert.fail('it was read')
}

const extents = (...numbers: number[]) => numbers.map((n) => octal(n)).join('')

/** What comes behind an entry of 1,024 bytes, where in it the problem is, and what the message says. */
const invalid: Record<string, [Uint8Array[], number, RegExp]> = {
  'a wrong checksum': [[tarBlock({ chksum: '000001\0 ' })], 148, /checksum/],
  'no header at all': [[Buffer.alloc(512, 'x')], 148, /checksum/],
  'a size that is no number': [[tarBlock({ size: '12x4567890\0' })], 124, /size/],
  'a negative size': [[tarBlock({ size: '\xff'.repeat(12) })], 124, /size is -1/],
  'a size beyond safe integers': [
    [tarBlock({ size: `\x80\0\0\0\x7f${'\xff'.repeat(7)}` })],
    124,
    /size is no number/,
  ],
  'a negative owner': [
    [tarBlock({ uid: '\xff'.repeat(8) })],
    108,
    /uid is -1, not 0 to 4294967295/,
  ],
  'a time that is no number': [[tarBlock({ mtime: 'yesterday' })], 136, /mtime/],
  'a device number that is none': [[tarBlock({ typeflag: '3', devmajor: 'x' })], 329, /devmajor/],
  'a volume label': [
    [tarBlock({ name: 'Label', typeflag: 'V', magic: GNU })],
    156,
    /"Label" has typeflag 'V' \(GNU volume label\)/,
  ],
  'an incremental dump': [[tarBlock({ typeflag: 'D', magic: GNU })], 156, /'D' \(GNU directory/],
  'an unknown typeflag': [[tarBlock({ typeflag: 'Z' })], 156, /typeflag 'Z', which/],
  'a typeflag that is no letter': [[tarBlock({ typeflag: '\x01' })], 156, /typeflag 0x1/],
  'a lone block of zeros': [[Buffer.alloc(512), tarBlock()], 512, /zeros is followed by a header/],
  'an extension header before the end': [
    [paxHeader([['path', 'x']]), END],
    1024,
    /followed by no entry/,
  ],
  'a PAX record without length': [[tarExtension('x', 'path=x\n'), tarBlock()], 512, /its length/],
  'a second PAX record longer than its header': [
    [tarExtension('x', '9 path=x\n99 path=x\n'), tarBlock()],
    521,
    /longer than its header/,
  ],
  'a PAX record of length 0': [[tarExtension('x', '0 path=x\n'), tarBlock()], 512, /does not end/],
  'a PAX record with a wrong length': [
    [tarExtension('x', '8 path=x\n'), tarBlock()],
    512,
    /does not end/,
  ],
  'a PAX record without =': [[tarExtension('x', '7 path\n\n'), tarBlock()], 512, /no "="/],
  'a PAX record without key': [[tarExtension('x', '5 =x\n'), tarBlock()], 512, /no key/],
  'a PAX path with a zero byte': [[paxHeader([['path', 'a\0b']]), tarBlock()], 512, /zero byte/],
  'a PAX size that is no number': [[paxHeader([['size', '1e3']]), tarBlock()], 512, /"size"/],
  'a PAX owner of more than 32 bits': [
    [paxHeader([['uid', '4294967296']]), tarBlock()],
    512,
    /"uid"/,
  ],
  'a PAX time that is none': [[paxHeader([['mtime', '1.2.3']]), tarBlock()], 512, /"1\.2\.3"/],
  'a PAX time without digits': [[paxHeader([['mtime', '-']]), tarBlock()], 512, /no time/],
  'a PAX time beyond safe integers': [
    [paxHeader([['mtime', '9007199254740992']]), tarBlock()],
    512,
    /no time/,
  ],
  'an attribute without name': [
    [paxHeader([['SCHILY.xattr.', 'x']]), tarBlock()],
    512,
    /the name ""/,
  ],
  'an attribute whose name is not UTF-8': [
    [tarExtension('x', Buffer.from('25 SCHILY.xattr.user.\xff=x\n', 'latin1')), tarBlock()],
    512,
    /is not UTF-8/,
  ],
  'an attribute that is not base64': [
    [paxHeader([['LIBARCHIVE.xattr.user.a', 'a b']]), tarBlock()],
    512,
    /base64/,
  ],
  'an attribute whose name is not URL-encoded': [
    [paxHeader([['LIBARCHIVE.xattr.user.%zz', 'AA']]), tarBlock()],
    512,
    /URL-encoded/,
  ],
  'a sparse map in a global header': [
    [paxHeader([['GNU.sparse.size', '1']], 'g'), tarBlock()],
    512,
    /global PAX header/,
  ],
  'an unknown sparse format': [
    [
      paxHeader([
        ['GNU.sparse.major', '2'],
        ['GNU.sparse.minor', '0'],
      ]),
      tarBlock(),
    ],
    1024,
    /sparse format is 2\.0/,
  ],
  'a sparse map longer than what is stored': [
    [
      paxHeader([
        ['GNU.sparse.major', '1'],
        ['GNU.sparse.minor', '0'],
        ['GNU.sparse.realsize', '9'],
      ]),
      tarBlock({ size: octal(520) }),
      blocks(`200\n${'0\n'.repeat(254)}`),
      blocks('0\n'),
    ],
    2048,
    /longer than its content/,
  ],
  'a sparse file without size': [
    [paxHeader([['GNU.sparse.map', '0,0']]), tarBlock()],
    1024,
    /no record says its size/,
  ],
  'a sparse map out of turn': [
    [paxHeader([['GNU.sparse.numbytes', '1']]), tarBlock()],
    512,
    /in turn/,
  ],
  "GNU's sparse typeflag without its magic": [[tarBlock({ typeflag: 'S' })], 156, /magic/],
  'a sparse map that goes back': [
    [
      tarBlock({
        typeflag: 'S',
        magic: GNU,
        size: octal(2),
        sparse: extents(5, 1, 3, 1),
        realsize: octal(9),
      }),
      blocks('ab'),
    ],
    0,
    /goes back from byte 6 to 3/,
  ],
  'a sparse map that ends beyond the file': [
    [
      tarBlock({
        typeflag: 'S',
        magic: GNU,
        size: octal(2),
        sparse: extents(8, 2),
        realsize: octal(9),
      }),
      blocks('ab'),
    ],
    0,
    /byte 10 of a file of 9/,
  ],
  'a sparse map that takes other than what is stored': [
    [
      tarBlock({
        typeflag: 'S',
        magic: GNU,
        size: octal(3),
        sparse: extents(0, 2),
        realsize: octal(9),
      }),
      blocks('abc'),
    ],
    0,
    /names 2 bytes, 3 are stored/,
  ],
}

for (const [name, [parts, at, message]] of Object.entries(invalid)) {
  test(`refuses ${name}`, () => {
    for (const pieces of [undefined, [1], [512, 7]]) {
      const error = failure([file, ...parts, END], undefined, pieces)
      assert.equal(error.code, 'FORMAT_INVALID')
      assert.match(error.message, message)
      assert.deepEqual(
        { ...error.context, problem: '' },
        {
          what: 'test',
          format: 'tar',
          offset: file.length + at,
          problem: '',
        },
      )
    }
  })
}

const sparse1 = paxHeader([
  ['GNU.sparse.major', '1'],
  ['GNU.sparse.minor', '0'],
  ['GNU.sparse.realsize', '100'],
])

/** A limit made small, what exceeds it, and the value that is reported. */
const limited: Record<string, [Partial<TarLimits>, Uint8Array[], number]> = {
  'the size of an extension header': [
    { extensionHeader: 100 },
    [tarExtension('L', 'n'.repeat(101)), tarBlock()],
    101,
  ],
  'the size of all global records': [
    { extensionHeader: 100 },
    [
      paxHeader([['comment', 'x'.repeat(40)]], 'g'),
      paxHeader([['comment', 'y'.repeat(40)]], 'g'),
      tarBlock(),
    ],
    104,
  ],
  'the blocks of one entry': [
    { header: 8192 },
    Array.from({ length: 20 }, () => tarExtension('L', 'n')),
    8704,
  ],
  'the length of a name': [{ name: 10 }, [tarBlock({ name: 'n'.repeat(11) })], 11],
  'the length of a name in bytes': [
    { name: 2000 },
    [tarExtension('L', 'é'.repeat(1001)), tarBlock()],
    2002,
  ],
  'the length of a name that is not UTF-8': [
    { name: 10 },
    [tarBlock({ name: '\xff'.repeat(11) })],
    11,
  ],
  'the length of a target': [
    { name: 10 },
    [tarBlock({ typeflag: '2', linkname: 't'.repeat(11) })],
    11,
  ],
  'the size of attributes': [
    { xattrs: 10 },
    [
      paxHeader([
        ['SCHILY.xattr.user.a', 'x'],
        ['SCHILY.xattr.u', 'yyy'],
      ]),
      tarBlock(),
    ],
    11,
  ],
  'extents of sparse format 0.0': [
    { sparseExtents: 2 },
    [
      paxHeader(
        [0, 1, 2].flatMap((i) => [
          ['GNU.sparse.offset', `${i}`] as const,
          ['GNU.sparse.numbytes', '0'] as const,
        ]),
      ),
    ],
    2.5,
  ],
  'extents of sparse format 0.1': [
    { sparseExtents: 2 },
    [paxHeader([['GNU.sparse.map', '0,0,1,0,2,0']])],
    2.5,
  ],
  'extents of sparse format 1.0': [
    { sparseExtents: 2 },
    [sparse1, tarBlock({ size: octal(512) }), blocks('3\n')],
    3,
  ],
  'extents of the old sparse format': [
    { sparseExtents: 2 },
    [tarBlock({ typeflag: 'S', magic: GNU, sparse: extents(0, 0, 1, 0, 2, 0) })],
    3,
  ],
  'extents in blocks of the old sparse format': [
    { sparseExtents: 6 },
    [
      tarBlock({ typeflag: 'S', magic: GNU, sparse: extents(0, 0, 1, 0), isextended: '\x01' }),
      blocks(extents(2, 0, 3, 0, 4, 0, 5, 0, 6, 0)),
    ],
    7,
  ],
  'holes, over all files': [
    { holes: 150 },
    [1, 2].flatMap(() => [sparse1, tarBlock({ size: octal(512) }), blocks('0\n')]),
    200,
  ],
}

for (const [name, [limits, parts, value]] of Object.entries(limited)) {
  test(`limits ${name}`, () => {
    const error = failure([file, ...parts, END], limits)
    assert(isAccelError(error, 'FORMAT_LIMIT_EXCEEDED'), error.message)
    const { value: got, max } = error.context
    assert.deepEqual([got, max], [value, Object.values(limits)[0]])
  })
}

test('a declared size takes no memory', () => {
  const before = process.memoryUsage().arrayBuffers
  const reader = new TarReader({ what: 'test' })
  reader.push(tarBlock({ size: '\x80\0\0\0\0\x1f'.padEnd(12, '\xff') }))
  assert.equal(reader.next()?.type, 'entry')
  reader.push(tarBlock().subarray(0, 0))
  assert.equal(reader.next(), undefined)
  assert(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
})

test('a failed reader fails again', () => {
  const reader = new TarReader({ what: 'test' })
  reader.push(Buffer.alloc(512, 'x'))
  const first = caught(() => reader.next())
  assert.equal(
    caught(() => reader.next()),
    first,
  )
})

test('the message names the tar, the byte and what was missing', () => {
  const error = failure([file.subarray(0, 514)])
  assert.equal(error.message, 'test: the tar ends at byte 514, expected 1 more bytes of "first"')
})

function caught(run: () => void): unknown {
  try {
    run()
  } catch (error) {
    return error
  }
  assert.fail('nothing was thrown')
}

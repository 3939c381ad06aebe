import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { readTar } from '../../testing/read-tar.ts'
import type { TarEntryType } from './entry.ts'
import { TarReader } from './reader.ts'
import { encodeHeader, END_OF_TAR, paddingSize } from './writer.ts'
import type { HeaderInit } from './writer.ts'

const plain: HeaderInit = {
  type: 'file',
  name: 'usr/bin/tool',
  linkname: '',
  mode: 0o4755,
  uid: 1000,
  gid: 100,
  uname: 'user',
  gname: 'users',
  mtime: 1_600_000_000,
  mtimeNanoseconds: 0,
  size: 5,
  devMajor: 0,
  devMinor: 0,
}

/** The parts of a block that are not zeros, as hex, by their offsets. */
function parts(block: Uint8Array): Record<number, string> {
  const found: Record<number, string> = {}
  for (const match of Buffer.from(block)
    .toString('latin1')
    .matchAll(/[^\0]+/g)) {
    found[match.index] = Buffer.from(match[0], 'latin1').toString('hex')
  }
  return found
}

test('an entry that fits is one ustar block, byte for byte', () => {
  const header = encodeHeader(plain)
  assert.equal(header.length, 512)
  assert.deepEqual(parts(header), {
    0: '7573722f62696e2f746f6f6c', // name: usr/bin/tool
    100: '30303034373535', // mode
    108: '30303031373530', // uid
    116: '30303030313434', // gid
    124: '3030303030303030303035', // size
    136: '3133373237343130303030', // mtime
    148: '303133353330', // chksum
    155: '2030', // its last space, and typeflag 0
    257: '7573746172', // magic: ustar
    263: '303075736572', // version 00, uname
    297: '7573657273', // gname
    329: '30303030303030', // devmajor
    337: '30303030303030', // devminor
  })
})

test('what does not fit is a PAX header of sorted records before the block', () => {
  const header = encodeHeader({
    ...plain,
    name: 'é'.repeat(60),
    uid: 3_000_000,
    mtime: -2,
    mtimeNanoseconds: 500_000_000,
    xattrs: new Map([
      ['user.z', Uint8Array.of(0, 255)],
      ['user.a=b', Uint8Array.of(1)],
    ]),
  })
  assert.equal(header.length, 512 + 512 + 512)
  assert.deepEqual(
    Buffer.from(header.subarray(512, 1024)).toString('latin1').replace(/\0+$/, ''),
    [
      '34 LIBARCHIVE.xattr.user.a%3Db=AQ\n',
      '26 SCHILY.xattr.user.z=\0\xff\n',
      '14 mtime=-1.5\n',
      `130 path=${'Ã©'.repeat(60)}\n`,
      '15 uid=3000000\n',
    ].join(''),
  )
  // For readers that know no PAX the block has what it can.
  assert.equal(header.subarray(1024, 1124).toString(), '_'.repeat(100))
})

const cases: Record<string, Partial<HeaderInit>> = {
  'a prefix': { name: `${'p'.repeat(155)}/${'n'.repeat(100)}` },
  'a name that no slash divides': { name: `${'p'.repeat(156)}/${'n'.repeat(99)}` },
  'a directory whose only slash is its last': { type: 'directory', name: `${'d'.repeat(120)}/` },
  'a name of 100 bytes': { name: 'n'.repeat(100) },
  'a name of 101 bytes': { name: 'n'.repeat(101) },
  'a name that is not UTF-8': { name: 'a\ufffd', nameBytes: Uint8Array.of(0x61, 0xff) },
  'a target that is not UTF-8': {
    type: 'symlink',
    linkname: '\ufffd',
    linknameBytes: Uint8Array.of(0xff),
  },
  'a long target': { type: 'hardlink', linkname: 't'.repeat(101) },
  'long owner names': { uname: 'u'.repeat(32), gname: 'é' },
  'the largest owner of ustar, and one more': { uid: 0o7777777, gid: 0o10000000 },
  'the largest size of ustar': { size: 0o77777777777 },
  'a size of 8 GiB': { size: 8 * 1024 ** 3 },
  'a time of 2242 and after': { mtime: 8 ** 11 },
  'one nanosecond before 1970': { mtime: -1, mtimeNanoseconds: 999_999_999 },
  'one nanosecond after 1970': { mtime: 0, mtimeNanoseconds: 1 },
  'a device of any number': { type: 'character', devMajor: 0xffff_ffff, devMinor: 0o7777777 },
}

for (const [name, init] of Object.entries(cases)) {
  test(`reads back ${name}`, () => {
    assertReadsBack({ ...plain, ...init })
  })
}

test('a record whose length has a digit more for itself', () => {
  for (let length = 80; length < 120; length++) {
    assertReadsBack({ ...plain, xattrs: new Map([['user.x', new Uint8Array(length).fill(0x41)]]) })
  }
  for (const length of [960, 970, 980, 990, 9960, 9970, 9980]) {
    assertReadsBack({ ...plain, xattrs: new Map([['user.x', new Uint8Array(length)]]) })
  }
})

test('a size is written for files alone', () => {
  const { entries } = readTar(
    Buffer.concat([encodeHeader({ ...plain, type: 'directory', size: 99 }), END_OF_TAR]),
  )
  assert.equal(entries[0]!.entry.size, 0)
})

test('the order of attributes changes nothing', () => {
  const xattrs = [
    ['user.b', Uint8Array.of(2)],
    ['user.a', Uint8Array.of(1)],
  ] as const
  assert.deepEqual(
    encodeHeader({ ...plain, xattrs: new Map(xattrs) }),
    encodeHeader({ ...plain, xattrs: new Map(xattrs.toReversed()) }),
  )
})

test('any entry reads back as it was', () => {
  const text = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.string({ minLength: 90, maxLength: 300 }),
    fc.array(fc.string({ maxLength: 60 }), { maxLength: 8 }).map((p) => p.join('/')),
  )
  const safe = text.map((t) => t.replaceAll('\0', '').toWellFormed())
  const entry = fc.record({
    type: fc.constantFrom<TarEntryType>(
      'file',
      'directory',
      'symlink',
      'hardlink',
      'fifo',
      'block',
    ),
    name: safe,
    linkname: safe,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    gid: fc.oneof(fc.nat(100), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    uname: safe,
    gname: safe,
    mtime: fc.oneof(fc.maxSafeInteger(), fc.nat()),
    mtimeNanoseconds: fc.oneof(fc.constant(0), fc.nat(999_999_999)),
    size: fc.nat(2000),
    devMajor: fc.oneof(fc.nat(4095), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    devMinor: fc.nat(2 ** 20),
    xattrs: fc
      .array(
        fc.tuple(
          safe.filter((t) => t !== ''),
          fc.uint8Array(),
        ),
        { minLength: 1, maxLength: 4 },
      )
      .map((pairs) => new Map(pairs)),
  })
  fc.assert(
    fc.property(entry, (init) => {
      assertReadsBack(init)
    }),
    { numRuns: 200 },
  )
})

/** Of entry types that have no target or device, those are not written. */
function assertReadsBack(init: HeaderInit): void {
  const linked = init.type === 'symlink' || init.type === 'hardlink'
  const device = init.type === 'character' || init.type === 'block'
  const expected: HeaderInit = {
    ...init,
    linkname: linked ? init.linkname : '',
    size: init.type === 'file' ? init.size : 0,
    devMajor: device ? init.devMajor : 0,
    devMinor: device ? init.devMinor : 0,
  }
  const header = encodeHeader(expected)
  // Sizes of gigabytes are read of the header alone.
  const content = expected.size > 100_000 ? 0 : expected.size
  const tar = Buffer.concat([header, Buffer.alloc(content + paddingSize(content)), END_OF_TAR])
  const reader = content === expected.size ? readTar(tar).entries[0]!.entry : firstEntry(header)
  const { typeflag: _, sparse, fromGlobal, offset, ...got } = reader
  assert.deepEqual([sparse, fromGlobal, offset], [false, false, 0])
  assert.deepEqual(sorted(got), sorted(expected))
  assert.deepEqual(encodeHeader(reader), header)
}

/** Attributes come back in the order of their names. */
function sorted(entry: HeaderInit): HeaderInit {
  if (entry.xattrs === undefined) return entry
  const xattrs = [...entry.xattrs].map(([name, value]) => [name, [...value]] as const)
  return { ...entry, xattrs: new Map(xattrs.toSorted(([a], [b]) => (a < b ? -1 : 1))) as never }
}

function firstEntry(header: Uint8Array) {
  const reader = new TarReader({ what: 'test' })
  reader.push(header)
  const event = reader.next()
  assert(event?.type === 'entry')
  return event.entry
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTar } from '../../testing/read-tar.ts'
import { blocks, GNU, octal, paxHeader, tarBlock } from '../../testing/tar-block.ts'

const extents = (...numbers: number[]) => numbers.map((n) => octal(n)).join('')

/** A file of 1,000 bytes: `abc` at 10, `defgh` at 600, holes around. */
const content = Buffer.alloc(1000)
content.write('abc', 10)
content.write('defgh', 600)
const stored = blocks('abcdefgh')
const header = (size: number) => tarBlock({ name: 'GNUSparseFile.1/f', size: octal(size) })

const formats: Record<string, Uint8Array[]> = {
  'old GNU': [
    tarBlock({
      name: 'dir/f',
      typeflag: 'S',
      magic: GNU,
      size: octal(8),
      sparse: extents(10, 3, 600, 5, 1000, 0),
      realsize: octal(1000),
    }),
    stored,
  ],
  'old GNU, in three blocks': [
    tarBlock({
      name: 'dir/f',
      typeflag: 'S',
      magic: GNU,
      size: octal(8),
      sparse: extents(10, 1, 11, 1, 12, 1, 13, 0),
      isextended: '\x01',
      realsize: octal(1000),
    }),
    Buffer.from(
      `${Array.from({ length: 21 }, () => extents(100, 0)).join('')}\x01`.padEnd(512, '\0'),
      'latin1',
    ),
    blocks(extents(600, 5)),
    stored,
  ],
  'old GNU, numbers in base-256': [
    tarBlock({
      name: 'dir/f',
      typeflag: 'S',
      magic: GNU,
      size: octal(8),
      sparse: `${'\x80'.padEnd(11, '\0')}\x0a${octal(3)}${'\x80'.padEnd(10, '\0')}\x02\x58${octal(5)}`,
      realsize: octal(1000),
    }),
    stored,
  ],
  'PAX 0.0': [
    paxHeader([
      ['GNU.sparse.size', '1000'],
      ['GNU.sparse.numblocks', '2'],
      ['GNU.sparse.offset', '10'],
      ['GNU.sparse.numbytes', '3'],
      ['GNU.sparse.offset', '600'],
      ['GNU.sparse.numbytes', '5'],
      ['path', 'dir/f'],
    ]),
    header(8),
    stored,
  ],
  'PAX 0.1': [
    paxHeader([
      ['GNU.sparse.size', '1000'],
      ['GNU.sparse.numblocks', '3'],
      ['GNU.sparse.name', 'dir/f'],
      ['GNU.sparse.map', '10,3,600,5,1000,0'],
    ]),
    header(8),
    stored,
  ],
  'PAX 0.1, version stated': [
    paxHeader([
      ['GNU.sparse.major', '0'],
      ['GNU.sparse.minor', '1'],
      ['GNU.sparse.name', 'dir/f'],
      ['GNU.sparse.map', '10,3,600,5'],
      ['GNU.sparse.size', '1000'],
    ]),
    header(8),
    stored,
  ],
  'PAX 1.0': [
    paxHeader([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'dir/f'],
      ['GNU.sparse.realsize', '1000'],
    ]),
    header(512 + 8),
    blocks('2\n10\n3\n600\n5\n'),
    stored,
  ],
  'PAX 1.0, a map of two blocks, the stored size in PAX': [
    paxHeader([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.name', 'dir/f'],
      ['GNU.sparse.realsize', '1000'],
      ['size', `${1024 + 8}`],
    ]),
    header(0),
    blocks(`102\n10\n3\n${'599\n0\n'.repeat(100)}600\n5\n`),
    stored,
  ],
}

for (const [name, parts] of Object.entries(formats)) {
  test(`sparse format ${name}`, () => {
    for (const pieces of [[], [1], [13, 512], [511]]) {
      const tar = Buffer.concat([...parts, tarBlock({ name: 'next' }), Buffer.alloc(1024)])
      const { entries } = readTar(tar, { pieces })
      assert.deepEqual(
        entries.map(({ entry }) => [entry.name, entry.sparse, entry.size]),
        [
          ['dir/f', true, 1000],
          ['next', false, 0],
        ],
      )
      assert(entries[0]!.content.equals(content))
      const map = name.startsWith('PAX 1.0') ? parts[2]!.length : 0
      const before = Buffer.concat(parts)
      assert.equal(entries[1]!.entry.offset, before.length)
      assert.deepEqual(entries[0]!.header, before.subarray(0, before.length - 512 - map))
    }
  })
}

test('nothing but a hole, and nothing at all', () => {
  const tar = Buffer.concat([
    paxHeader([['GNU.sparse.size', '700000']]),
    tarBlock(),
    paxHeader([['GNU.sparse.size', '0']]),
    tarBlock(),
    Buffer.alloc(1024),
  ])
  const [hole, empty] = readTar(tar).entries
  assert(hole!.content.equals(Buffer.alloc(700_000)))
  assert.deepEqual([empty!.entry.size, empty!.entry.sparse], [0, true])
})

test('sparse records of what is no file mean nothing', () => {
  const tar = Buffer.concat([
    paxHeader([['GNU.sparse.size', '9']]),
    tarBlock({ typeflag: '5' }),
    Buffer.alloc(1024),
  ])
  assert.equal(readTar(tar).entries[0]!.entry.size, 0)
})

test('a hole of any size is delivered in bounded pieces', () => {
  const tar = Buffer.concat([
    paxHeader([['GNU.sparse.size', `${3 * 1024 ** 3}`]]),
    tarBlock(),
    Buffer.alloc(1024),
  ])
  const before = process.memoryUsage().arrayBuffers
  readTar(tar, { discard: true })
  assert(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024)
})

import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { readTar } from '../../testing/read-tar.ts'
import type { ReadTar } from '../../testing/read-tar.ts'
import { blocks, GNU, octal, paxHeader, tarBlock, tarExtension } from '../../testing/tar-block.ts'

/** One of everything that the reader has a state for. */
const parts: Uint8Array[][] = [
  [tarBlock({ name: 'd/', typeflag: '5' })],
  [tarBlock({ name: 'd/f', size: octal(700) }), blocks('x'.repeat(700))],
  [paxHeader([['comment', 'g'.repeat(600)]], 'g')],
  [
    paxHeader([
      ['path', 'é'.repeat(300)],
      ['SCHILY.xattr.user.a', Uint8Array.of(0, 255)],
      ['mtime', '-1.5'],
    ]),
    tarBlock({ size: octal(1) }),
    blocks('y'),
  ],
  [
    tarExtension('L', `${'n'.repeat(600)}\0`),
    tarExtension('K', 'target\0'),
    tarBlock({ typeflag: '2' }),
  ],
  [
    tarBlock({
      typeflag: 'S',
      magic: GNU,
      size: octal(6),
      sparse: [5, 3, 20, 3].map((n) => octal(n)).join(''),
      isextended: '\x01',
      realsize: octal(600),
    }),
    blocks(''.padEnd(512, '\0')),
    blocks('sparse'),
  ],
  [
    paxHeader([
      ['GNU.sparse.major', '1'],
      ['GNU.sparse.minor', '0'],
      ['GNU.sparse.realsize', '600'],
    ]),
    tarBlock({ size: octal(515) }),
    blocks('1\n200\n3\n'),
    blocks('abc'),
  ],
  [tarBlock({ name: 'empty' })],
]
const tar = Buffer.concat([...parts.flat(), Buffer.alloc(1024), Buffer.from('trailing')])
const whole = readTar(tar)

/** The offsets between entries, where a tar may end; a global header belongs to no entry. */
const boundaries = new Set([0])
let size = 0
for (const entry of parts) {
  size += Buffer.concat(entry).length
  boundaries.add(size)
}
// After one block of zeros, and from the second on.
boundaries.add(size + 512)
for (let at = size + 1024; at <= tar.length; at++) boundaries.add(at)

test('the fixture holds what it should', () => {
  assert.deepEqual(
    whole.entries.map(({ entry, content }) => [entry.name.slice(0, 5), content.length]),
    [
      ['d/', 0],
      ['d/f', 700],
      ['ééééé', 1],
      ['nnnnn', 0],
      ['f', 600],
      ['f', 600],
      ['empty', 0],
    ],
  )
  assert.equal(whole.trailing, 8)
})

test('however the tar is cut, the same entries come out', () => {
  const sizes = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 1500 })),
    {
      minLength: 1,
      maxLength: 12,
    },
  )
  fc.assert(
    fc.property(sizes, (pieces) => {
      assert.deepEqual(readTar(tar, { pieces }), whole)
    }),
    { numRuns: 80 },
  )
  for (const piece of [1, 2, 511, 512, 513]) {
    assert.deepEqual(readTar(tar, { pieces: [piece] }), whole)
  }
})

/** The entry that ends in `end` bytes of a tar lacks nothing but its padding. */
function lacksPadding(end: number): boolean {
  const next = [...boundaries].find((at) => at > end) ?? tar.length
  const missing = tar.subarray(end, next)
  if (missing.length >= 512 || missing.some((byte) => byte !== 0)) return false
  const [cut, all] = [tar.subarray(0, end), tar.subarray(0, next)].map((bytes) =>
    attempt(bytes, []),
  )
  return !(cut instanceof Error) && isDeepStrictEqual(cut, all)
}

test('an end at any byte inside an entry is noticed, with its offset; between entries it is accepted, and in padding', () => {
  let padded = 0
  for (let end = 0; end <= tar.length; end++) {
    const outcome = attempt(tar.subarray(0, end), end % 3 === 0 ? [100] : [])
    if (!boundaries.has(end) && lacksPadding(end)) padded++
    else if (boundaries.has(end)) {
      assert(!(outcome instanceof Error), `byte ${end}: ${String(outcome)}`)
    } else {
      assert(isAccelError(outcome, 'FORMAT_TRUNCATED'), `byte ${end}: ${String(outcome)}`)
      assert.equal(outcome.context.offset, end)
    }
  }
  // of 700, 1, 6 and 515 bytes, and of what precedes an entry
  assert(padded > 0 && padded < 4 * 512, String(padded))
})

test('damage ends in a FORMAT_ error or in entries, soon, and takes no more memory than the limits', () => {
  const damage = fc.array(
    fc.record({
      at: fc.integer({ min: 0, max: tar.length - 1 }),
      value: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x39, 0xff, 0x80, 0x30)),
    }),
    { minLength: 1, maxLength: 8 },
  )
  const before = process.memoryUsage().arrayBuffers
  fc.assert(
    fc.property(damage, fc.boolean(), (changes, mend) => {
      const damaged = Buffer.from(tar)
      for (const { at, value } of changes) damaged[at] = value
      if (mend) mendChecksums(damaged)
      const outcome = attempt(damaged, [], 64 * 1024 * 1024)
      if (outcome instanceof Error) assert(isAccelError(outcome), String(outcome.stack))
    }),
    { numRuns: 800 },
  )
  assert(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024)
})

/** Makes each block's checksum right where it looks like a header, so that damage gets past it. */
function mendChecksums(bytes: Buffer): void {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString('latin1', at + 257, at + 262) !== 'ustar') continue
    bytes.fill(0x20, at + 148, at + 156)
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0)
    bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148)
  }
}

function attempt(bytes: Uint8Array, pieces: number[], holes?: number): ReadTar | Error {
  try {
    return readTar(bytes, {
      pieces,
      discard: true,
      ...(holes === undefined ? {} : { limits: { holes } }),
    })
  } catch (error) {
    assert(error instanceof Error)
    return error
  }
}

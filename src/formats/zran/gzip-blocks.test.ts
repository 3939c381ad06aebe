import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, deflateRawSync, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { cut } from '../../testing/read-tar.ts'
import { seeded } from '../../testing/random-file-tree.ts'
import { GzipBlocks, type BlockStart } from './gzip-blocks.ts'

/** Words with noise between them: blocks of every kind. */
function mixture(size: number, seed = 1): Buffer {
  const random = seeded(seed)
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size;) {
    const length = 1 + random(4000)
    const kind = random(3)
    for (let i = at; i < Math.min(size, at + length); i++) {
      bytes[i] = kind === 0 ? 0 : kind === 1 ? 97 + random(6) : random(256)
    }
    at += length
  }
  return bytes
}

interface Read {
  output: Buffer
  /** After each read: the place, and the block that it is in. */
  places: { inOffset: number; outOffset: number; block: BlockStart | undefined }[]
  members: BlockStart[]
}

/** Reads by the amounts of `sizes`, over and over. */
function readAll(
  bytes: Uint8Array,
  sizes: readonly number[],
  pieces: readonly number[] = [],
): Read {
  const members: BlockStart[] = []
  const blocks = new GzipBlocks({
    what: 'test',
    hold: 1000,
    onMember: (start) => void members.push(start),
  })
  const output: Uint8Array[] = []
  const places: Read['places'] = []
  let left = 0
  const drain = (): void => {
    for (;;) {
      if (left === 0) left = sizes[places.length % sizes.length]!
      const read = blocks.read(left)
      if (read === 0) return
      output.push(new Uint8Array(blocks.view(blocks.outOffset - read)))
      left -= read
      if (left > 0) continue
      const { inOffset, outOffset, block } = blocks
      places.push({
        inOffset,
        outOffset,
        block: block && { inOffset: block.inOffset, outOffset: block.outOffset },
      })
    }
  }
  try {
    for (const piece of cut(bytes, pieces)) {
      blocks.push(piece)
      drain()
      piece.fill(0xee)
    }
    blocks.end()
    drain()
    assert.ok(blocks.ended)
    return { output: Buffer.concat(output), places, members }
  } finally {
    blocks.close()
  }
}

test('however the bytes come, the output, the places and the blocks are the same', () => {
  const content = mixture(400_000)
  const gzip = Buffer.concat([
    gzipSync(content.subarray(0, 150_000)),
    gzipSync(content.subarray(150_000)),
  ])
  const sizes = [512, 70_000, 3, 1024, 20_000]
  const whole = readAll(gzip, sizes)
  assert.ok(whole.output.equals(content))
  assert.equal(whole.members.length, 1)
  assert.equal(whole.members[0]!.outOffset, 150_000)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1 }), (pieces) => {
      assert.deepEqual(readAll(gzip, sizes, pieces), whole)
    }),
    { numRuns: 20 },
  )
})

test('the amounts that are asked for change no block, and no place between', () => {
  const gzip = gzipSync(mixture(200_000, 2))
  const placesOf = (sizes: number[]): Map<number, string> =>
    new Map(readAll(gzip, sizes).places.map((place) => [place.outOffset, JSON.stringify(place)]))
  const coarse = placesOf([40_000])
  const fine = placesOf([1000])
  assert.equal(coarse.size, 5)
  for (const [outOffset, place] of coarse) assert.equal(fine.get(outOffset), place)
})

test('a block that ends where the output is full is seen at once, empty ones behind it later', () => {
  const flushed = [deflateRawSync('abc', { finishFlush: constants.Z_FULL_FLUSH })]
  const last = deflateRawSync('defgh')
  const deflated = Buffer.concat([...flushed, last])
  const gzip = gzipOf(deflated, 'abcdefgh')
  const { places } = readAll(gzip, [3, 5])
  // 10 bytes of header; the data's block has 5 bytes and some bits, the empty stored one 5 with them.
  assert.deepEqual(places[0]!.block, { inOffset: 10 + flushed[0]!.length - 4, outOffset: 3 })
  assert.equal(places[0]!.inOffset, places[0]!.block?.inOffset)
  assert.deepEqual(places[1]!.block, { inOffset: 10 + flushed[0]!.length, outOffset: 3 })
})

test('a place at the end of a member is in its last block: nothing can be inflated from behind it', () => {
  const gzip = Buffer.concat([gzipSync('abc'), gzipSync('def')])
  const { places, members } = readAll(gzip, [3])
  assert.deepEqual(places[0]!.block, { inOffset: 10, outOffset: 0 })
  assert.deepEqual(members, [{ inOffset: gzipSync('abc').length + 10, outOffset: 3 }])
  assert.deepEqual(places[1]!.block, members[0])
})

const sample = gzipSync(mixture(30_000))
const damaged = (at: number, bits: number): Buffer => {
  const bytes = Buffer.from(sample)
  bytes[bytes.length + at]! ^= bits
  return bytes
}
const refused: Record<string, [Uint8Array, string, RegExp]> = {
  'nothing at all': [Buffer.alloc(0), 'FORMAT_TRUNCATED', /header of a member/],
  'half a header': [sample.subarray(0, 7), 'FORMAT_TRUNCATED', /header of a member/],
  'half a member': [sample.subarray(0, 9000), 'FORMAT_TRUNCATED', /rest of a member/],
  'half a trailer': [sample.subarray(0, -3), 'FORMAT_TRUNCATED', /CRC and size/],
  'a wrong CRC': [damaged(-8, 1), 'FORMAT_INVALID', /data check/],
  'a wrong size': [damaged(-4, 1), 'FORMAT_INVALID', /length check/],
  'damaged blocks': [damaged(-9000, 0xff), 'FORMAT_INVALID', /./],
  'garbage behind': [
    Buffer.concat([sample, Buffer.from('garbage!!!')]),
    'FORMAT_INVALID',
    /no gzip member/,
  ],
  'a member behind zeros': [
    Buffer.concat([sample, Buffer.alloc(9), sample]),
    'FORMAT_INVALID',
    /neither a member nor zeros/,
  ],
  'a header without end': [
    Buffer.concat([Buffer.from('1f8b0808000000000003', 'hex'), Buffer.alloc(300_000, 'x')]),
    'FORMAT_INVALID',
    /has no end/,
  ],
}

for (const [name, [bytes, code, text]] of Object.entries(refused)) {
  test(`${name} is refused, and the layer is named`, () => {
    for (const pieces of [[], [1000], [64 * 1024]]) {
      assert.throws(
        () => readAll(bytes, [5000], pieces),
        (error) => {
          assert.ok(isAccelError(error))
          assert.equal(error.code, code)
          assert.match(error.message, /^test: /)
          assert.match(error.message, text)
          return true
        },
      )
    }
  })
}

test('zeros behind the last member are accepted', () => {
  const content = mixture(30_000)
  assert.ok(readAll(Buffer.concat([sample, Buffer.alloc(100_000)]), [5000]).output.equals(content))
})

function gzipOf(deflated: Uint8Array, content: string): Buffer {
  const model = gzipSync(content)
  return Buffer.concat([model.subarray(0, 10), deflated, model.subarray(-8)])
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, inflateRawSync, zstdDecompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import type { CodecKind } from './codec-kind.ts'
import type { CompressorInit } from './compressor.ts'
import { frameBound } from './frame-bound.ts'
import { openCompressor } from './open.ts'

const kinds: CodecKind[] = ['native', 'fallback']
const inverse: Record<CompressorInit['format'], (bytes: Uint8Array) => Uint8Array> = {
  gzip: gunzipSync,
  'deflate-raw': inflateRawSync,
  zstd: zstdDecompressSync,
}
const inits: CompressorInit[] = [
  ...([0, 1, 6, 9] as const).flatMap((level): CompressorInit[] => [
    { format: 'gzip', level },
    { format: 'deflate-raw', level },
  ]),
  { format: 'gzip' },
  { format: 'deflate-raw' },
  { format: 'zstd' },
  { format: 'zstd', level: 1 },
  { format: 'zstd', level: 9 },
]

/** Text that repeats itself, here and there with a byte changed. */
function sample(size: number): Buffer {
  const bytes = Buffer.alloc(size, 'the quick brown fox jumps over the lazy dog; ')
  for (let i = 0, x = 7; i < size; i += 1 + (x % 50)) {
    x = (x * 16_807) % 2_147_483_647
    bytes[i] = x
  }
  return bytes
}

const units = [0, 1, 100, 5000, 70_000, 300_000].map(sample)

/** The units one after the other, each cut into pieces. */
function compress(init: CompressorInit, kind: CodecKind, piece: number): Buffer[] {
  const compressor = openCompressor(init, kind)
  const compressed = units.map((unit) => {
    const parts: Uint8Array[] = []
    for (let at = 0; at < unit.length; at += piece) {
      // Overwritten after the call, as its owner may.
      const copy = Buffer.from(unit.subarray(at, at + piece))
      compressor.write(copy)
      copy.fill(0)
      parts.push(Buffer.from(compressor.take()))
    }
    parts.push(Buffer.from(compressor.finish()))
    return Buffer.concat(parts)
  })
  compressor.close()
  return compressed
}

for (const init of inits) {
  test(`${init.format} of level ${init.level ?? 'by default'}: same bytes of both kinds, however cut`, () => {
    const expected = compress(init, 'native', Infinity)
    for (const [i, unit] of units.entries()) {
      assert(Buffer.from(inverse[init.format](expected[i]!)).equals(unit))
    }
    for (const kind of kinds) {
      for (const piece of [Infinity, 65_536, 1000, 33]) {
        assert.deepEqual(compress(init, kind, piece), expected, `${kind}, ${piece}`)
      }
    }
  })
}

test('a unit in one call has the same bytes, in the memory that is offered or not', () => {
  for (const init of inits) {
    const expected = compress(init, 'native', Infinity)
    for (const kind of kinds) {
      const compressor = openCompressor(init, kind)
      for (const [i, unit] of units.entries()) {
        const bound = frameBound(unit.length)
        for (const size of [0, 100, bound - 1, bound, 2 * bound]) {
          const made = compressor.unit(unit, new Uint8Array(new SharedArrayBuffer(size)))
          assert(expected[i]!.equals(made), `${init.format} ${kind}, ${size}`)
        }
        assert(expected[i]!.equals(compressor.unit(unit)), `${init.format} ${kind}`)
      }
    }
  }
})

test('a unit does not depend on those before it', () => {
  for (const init of inits) {
    for (const kind of kinds) {
      const compressor = openCompressor(init, kind)
      compressor.write(units[4]!)
      const first = Buffer.from(compressor.finish())
      compressor.write(units[3]!)
      compressor.finish()
      compressor.write(units[4]!)
      assert(Buffer.from(compressor.finish()).equals(first), `${init.format} ${kind}`)
    }
  }
})

test('the level counts, for the first unit and for later ones', () => {
  for (const [low, high] of [
    [
      { format: 'gzip', level: 1 },
      { format: 'gzip', level: 9 },
    ],
    [
      { format: 'zstd', level: 1 },
      { format: 'zstd', level: 12 },
    ],
  ] as const) {
    const [lows, highs] = [compress(low, 'native', Infinity), compress(high, 'native', Infinity)]
    for (const i of [4, 5]) assert(lows[i]!.length > highs[i]!.length * 1.02)
  }
})

test('the default levels are 6 and 3', () => {
  const same = (a: CompressorInit, b: CompressorInit) =>
    assert.deepEqual(compress(a, 'native', Infinity), compress(b, 'native', Infinity))
  same({ format: 'gzip' }, { format: 'gzip', level: 6 })
  same({ format: 'zstd' }, { format: 'zstd', level: 3 })
})

test('headers: gzip without name and time, zstd with the size of its content', () => {
  for (const kind of kinds) {
    const [gzip] = compress({ format: 'gzip' }, kind, Infinity)
    // magic, deflate, no flags, mtime 0, no extra flags, Unix; then an empty fixed block, CRC and size of nothing
    assert.equal(gzip!.toString('hex'), '1f8b080000000000000303000000000000000000')
    const zstd = compress({ format: 'zstd' }, kind, 1000)[3]!
    // magic; descriptor: content size in two bytes, single segment; 5000 - 256
    assert.equal(zstd.subarray(0, 7).toString('hex'), '28b52ffd608812')
  }
})

test('a long unit can be taken as it grows', () => {
  const compressor = openCompressor({ format: 'gzip', level: 1 }, 'native')
  const random = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 7919) >> 7))
  let most = 0
  const parts: Uint8Array[] = []
  for (let i = 0; i < 50; i++) {
    compressor.write(random)
    const taken = Buffer.from(compressor.take())
    most = Math.max(most, taken.length)
    parts.push(taken)
  }
  parts.push(Buffer.from(compressor.finish()))
  assert.equal(gunzipSync(Buffer.concat(parts)).length, 50 * random.length)
  assert(most < 2 * random.length)
})

test('any units round-trip through both kinds alike', () => {
  const compressors = inits.map((init) => kinds.map((kind) => openCompressor(init, kind)))
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 4 }), (pieces) => {
      const whole = Buffer.concat(pieces)
      for (const [i, pair] of compressors.entries()) {
        const [native, fallback] = pair.map((compressor) => {
          for (const piece of pieces) compressor.write(piece)
          return Buffer.from(compressor.finish())
        })
        assert(native!.equals(fallback!))
        assert(Buffer.from(inverse[inits[i]!.format](native!)).equals(whole))
      }
    }),
    { numRuns: 20 },
  )
})

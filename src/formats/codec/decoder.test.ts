import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAccelError } from '../../errors/accel-error.ts'
import { decodeAll } from '../../testing/decode.ts'
import { MAX_RATIO, MAX_UNCOMPRESSED_SIZE, OutputLimit, RATIO_FREE_SIZE } from './decoder.ts'
import { PlainDecoder } from './plain-decoder.ts'

const exceeds = (limit: OutputLimit, produced: number, consumed: number) => {
  try {
    limit.check(produced, consumed)
    return false
  } catch (error) {
    assert(isAccelError(error, 'FORMAT_LIMIT_EXCEEDED'))
    return true
  }
}

test('the limits of what may come out: size, and ratio beyond 8 GiB', () => {
  const limit = new OutputLimit({ what: 'test' }, 'zstd')
  assert.equal(exceeds(limit, RATIO_FREE_SIZE, 1), false)
  assert.equal(exceeds(limit, RATIO_FREE_SIZE + 1, 1), true)
  const consumed = RATIO_FREE_SIZE
  assert.equal(exceeds(limit, MAX_UNCOMPRESSED_SIZE, consumed), false)
  assert.equal(exceeds(limit, MAX_UNCOMPRESSED_SIZE + 1, consumed), true)
  assert.equal(exceeds(limit, MAX_RATIO * 10_000_000, 10_000_000), false)
  assert.equal(exceeds(limit, MAX_RATIO * 10_000_000 + 1, 10_000_000), true)
  const small = new OutputLimit({ what: 'test', maxUncompressedSize: 10 }, 'zstd')
  assert.equal(exceeds(small, 10, 1), false)
  assert.equal(exceeds(small, 11, 1), true)
})

test('bytes that are not compressed pass as views, and are counted', () => {
  const decoder = new PlainDecoder({ what: 'test' })
  assert.equal(decoder.next(), undefined)
  const piece = Buffer.from('some bytes')
  decoder.push(piece)
  assert.equal(decoder.next(), piece)
  assert.equal(decoder.next(), undefined)
  decoder.end()
  assert.equal(decoder.next(), undefined)
  assert.deepEqual([decoder.consumed, decoder.produced], [10, 10])
})

test('the size of what is not compressed is limited as well', () => {
  const decoder = new PlainDecoder({ what: 'test', maxUncompressedSize: 9 })
  assert.throws(() => decodeAll(decoder, Buffer.alloc(10), [3]), { code: 'FORMAT_LIMIT_EXCEEDED' })
})

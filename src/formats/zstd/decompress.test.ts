import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { constants, zstdCompressSync } from 'node:zlib'
import * as fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { decodeAll } from '../../testing/decode.ts'
import type { CodecKind } from '../codec/codec-kind.ts'
import type { DecoderInit } from '../codec/decoder.ts'
import { ZstdDecompressStream } from './decompress.ts'

const text = Buffer.from('hello, layer\n'.repeat(40))
const noise = Buffer.from(
  Array.from({ length: 200_000 }, (_, i) => ((i * 7919 + 13) * (i ^ 91)) >> 3),
)
const checksum = { params: { [constants.ZSTD_c_checksumFlag]: 1 } }
const hex = (digits: string) => Buffer.from(digits.replaceAll(' ', ''), 'hex')

/** A skippable frame: magic (last digit of the first byte at will), size, content. */
const skippable = hex('5a2a4d18 03000000 aabbcc')
const emptySkippable = hex('502a4d18 00000000')
/** Magic, descriptor (nothing), window 1 KiB; then blocks. */
const frame = (blocks: string) => hex(`28b52ffd 00 00 ${blocks}`)

const accepted: Record<string, [Uint8Array, Uint8Array]> = {
  'one frame': [zstdCompressSync(text), text],
  'a frame of nothing': [zstdCompressSync(''), Buffer.alloc(0)],
  'several blocks': [zstdCompressSync(noise), noise],
  'a checksum': [zstdCompressSync(noise, checksum), noise],
  'several frames': [
    Buffer.concat([
      zstdCompressSync(text),
      zstdCompressSync(''),
      zstdCompressSync(noise, checksum),
    ]),
    Buffer.concat([text, noise]),
  ],
  'skippable frames at first, between and last': [
    Buffer.concat([
      skippable,
      emptySkippable,
      zstdCompressSync(text),
      skippable,
      zstdCompressSync(text),
      emptySkippable,
      skippable,
    ]),
    Buffer.concat([text, text]),
  ],
  'nothing but a skippable frame': [skippable, Buffer.alloc(0)],
  // raw block of 3, not last; RLE block of 5; empty raw block, last
  'blocks of each simple type': [frame('180000 616263 2a0000 7a 010000'), Buffer.from('abczzzzz')],
  // single segment, content size 2 in one byte
  'a single segment': [hex('28b52ffd 20 02 110000 6869'), Buffer.from('hi')],
  'a dictionary number of 0': [hex('28b52ffd 21 00 02 110000 6869'), Buffer.from('hi')],
  // two-byte content size counts from 256
  'a content size of two bytes': [
    Buffer.concat([hex('28b52ffd 60 0000 010800'), Buffer.alloc(256, 'x')]),
    Buffer.alloc(256, 'x'),
  ],
  'a content size of eight bytes': [
    hex('28b52ffd c0 50 0200000000000000 110000 6869'),
    Buffer.from('hi'),
  ],
  // exponent 17: 128 MiB
  'the largest window': [hex('28b52ffd 00 88 110000 6869'), Buffer.from('hi')],
}

const invalid: Record<string, Uint8Array> = {
  'what is no zstd': Buffer.from('a tar, perhaps'),
  'rubbish behind': Buffer.concat([zstdCompressSync(text), Buffer.from('rubbish')]),
  'zeros behind': Buffer.concat([zstdCompressSync(text), Buffer.alloc(512)]),
  'the magic of an old format': hex('27b52ffd 00 00 010000'),
  'a reserved bit': hex('28b52ffd 08 00 010000'),
  'a dictionary': hex('28b52ffd 21 07 02 110000 6869'),
  'a block of the reserved type': frame('070000'),
  'a block larger than the window': frame(`012100 ${'61'.repeat(1060)}`),
  'a repeated block larger than any': hex('28b52ffd 00 88 03ff7f 61'),
  'a wrong checksum': changed(zstdCompressSync(noise, checksum), -1),
  'a content size that is wrong': hex('28b52ffd 20 03 110000 6869'),
  'a compressed block that is none': frame('1d0000 ffffff'),
}

for (const codec of ['native', 'fallback'] as CodecKind[]) {
  const open = (init: Partial<DecoderInit> = {}) =>
    new ZstdDecompressStream({ what: 'test', codec, ...init })

  for (const [name, [bytes, content]] of Object.entries(accepted)) {
    test(`${codec}: reads ${name}`, () => {
      for (const pieces of [
        [],
        [2, 9, 4],
        [bytes.length - 1],
        ...(bytes.length < 1000 ? [[1]] : []),
      ]) {
        for (const bufferSize of [64, 1 << 20]) {
          const decoder = open({ bufferSize })
          assert(
            decodeAll(decoder, bytes, pieces).equals(content),
            `${pieces.join()} ${bufferSize}`,
          )
          assert.deepEqual([decoder.consumed, decoder.produced], [bytes.length, content.length])
        }
      }
    })
  }

  for (const [name, bytes] of Object.entries(invalid)) {
    test(`${codec}: refuses ${name}`, () => {
      for (const pieces of [[], [1], [7]]) {
        assert.throws(() => decodeAll(open(), bytes, pieces), { code: 'FORMAT_INVALID' })
      }
    })
  }

  test(`${codec}: an end at any byte inside a frame is noticed`, () => {
    const frames = [
      zstdCompressSync(text, checksum),
      skippable,
      zstdCompressSync(noise.subarray(0, 900)),
    ]
    const bytes = Buffer.concat([...frames, hex('28b52ffd 20 02 110000 6869')])
    const ends = frames.map((_, i) => Buffer.concat(frames.slice(0, i + 1)).length)
    for (let end = 0; end < bytes.length; end++) {
      const decode = () => decodeAll(open(), bytes.subarray(0, end), end % 2 === 0 ? [50] : [])
      if (ends.includes(end)) {
        decode()
        continue
      }
      assert.throws(decode, (error) => {
        assert(isAccelError(error, 'FORMAT_TRUNCATED'), `${end}: ${String(error)}`)
        assert.deepEqual([error.context.format, error.context.offset], ['zstd', end])
        return true
      })
    }
  })

  test(`${codec}: a bomb ends at the limit, without more than a block at once`, () => {
    // RLE blocks of 128 KiB, four bytes each.
    const bomb = Buffer.concat([hex('28b52ffd 00 88'), ...Array(1000).fill(hex('020010 00'))])
    const decoder = open({ maxUncompressedSize: 10 << 20 })
    assert.throws(() => decodeAll(decoder, bomb), { code: 'FORMAT_LIMIT_EXCEEDED' })
    assert(decoder.produced <= (10 << 20) + (1 << 20))
  })

  test(`${codec}: damage ends in a FORMAT_ error or in bytes, and soon`, () => {
    const bytes = Buffer.concat([
      zstdCompressSync(text),
      skippable,
      zstdCompressSync(noise, checksum),
    ])
    const change = fc.tuple(fc.oneof(fc.nat(60), fc.nat(bytes.length - 1)), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 5 }), (changes) => {
        const damaged = Buffer.from(bytes)
        for (const [at, value] of changes) damaged[at] = value
        try {
          decodeAll(open({ bufferSize: 4096, maxUncompressedSize: 1 << 24 }), damaged)
        } catch (error) {
          assert(isAccelError(error), String(error))
        }
      }),
      { numRuns: 200 },
    )
  })
}

test('a window above 128 MiB is refused before memory is taken', () => {
  // exponent 17 and one eighth; exponent 31; a single segment of 2 GiB
  for (const [bytes, window] of [
    [hex('28b52ffd 00 89 110000 6869'), 144 * 1024 ** 2],
    [hex('28b52ffd 00 f8 110000 6869'), 2 ** 41],
    [hex('28b52ffd a0 00000080 110000 6869'), 2 ** 31],
  ] as const) {
    for (const pieces of [[], [1]]) {
      assert.throws(
        () => decodeAll(new ZstdDecompressStream({ what: 'test' }), bytes, pieces),
        (error) => {
          assert(isAccelError(error, 'FORMAT_LIMIT_EXCEEDED'))
          assert.deepEqual([error.context.value, error.context.max], [window, 128 * 1024 ** 2])
          return true
        },
      )
    }
  }
})

const version = spawnSync('zstd', ['--version'], { encoding: 'utf8' }).stdout ?? ''
const missing = version === '' ? 'no zstd on this machine' : false

test('reads what the zstd program writes', { skip: missing }, () => {
  const input = Buffer.concat(Array(40).fill(noise))
  for (const options of [
    ['-1'],
    ['-19', '--long=27'],
    ['-3', '-T2', '-B1048576'],
    ['--fast=5', '--no-check'],
  ]) {
    const { stdout, status } = spawnSync('zstd', [...options, '-q', '-c'], {
      input,
      maxBuffer: 64 << 20,
    })
    assert.equal(status, 0)
    const decoded = decodeAll(new ZstdDecompressStream({ what: 'test' }), stdout, [100_000])
    assert(decoded.equals(input), options.join(' '))
  }
})

/** A copy with one byte changed; a negative `at` counts from the end. */
function changed(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes)
  const index = at < 0 ? copy.length + at : at
  copy[index]! ^= 0x55
  return copy
}

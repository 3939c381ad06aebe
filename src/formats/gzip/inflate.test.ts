import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { decodeAll } from '../../testing/decode.ts'
import type { CodecKind } from '../codec/codec-kind.ts'
import type { DecoderInit } from '../codec/decoder.ts'
import { GunzipStream } from './inflate.ts'

const text = Buffer.from('hello, layer\n'.repeat(40))
const noise = Buffer.from(Array.from({ length: 5000 }, (_, i) => ((i * 7919 + 13) * (i ^ 91)) >> 3))

/** A member with the given flags and optional fields. */
function member(flags: string, fields: string, content: Uint8Array): Buffer {
  const trailer = Buffer.alloc(8)
  trailer.writeUInt32LE(crc32(content))
  trailer.writeUInt32LE(content.length, 4)
  // magic, deflate, flags, mtime, best compression, Unix
  const header = Buffer.from(`1f8b08${flags}010203040203${fields}`, 'hex')
  if (flags === '02' || flags === '1e') {
    const headerCrc = Buffer.alloc(2)
    headerCrc.writeUInt16LE(crc32(header) & 0xffff)
    return Buffer.concat([header, headerCrc, deflateRawSync(content), trailer])
  }
  return Buffer.concat([header, deflateRawSync(content), trailer])
}

const EXTRA = '040058590000'
const NAME = '6c617965722e74617200' // layer.tar
const COMMENT = '6120636f6d6d656e7400' // a comment
const accepted: Record<string, [Uint8Array, Uint8Array]> = {
  'one member': [gzipSync(text), text],
  'a member of nothing': [gzipSync(''), Buffer.alloc(0)],
  'stored blocks': [gzipSync(noise, { level: 0 }), noise],
  'an extra field': [member('04', EXTRA, text), text],
  'a name': [member('08', NAME, text), text],
  'a comment': [member('10', COMMENT, text), text],
  'a header checksum': [member('02', '', text), text],
  'every optional field': [member('1e', EXTRA + NAME + COMMENT, text), text],
  'text flag': [member('01', '', text), text],
  'three members': [
    Buffer.concat([gzipSync(text), gzipSync(''), member('08', NAME, noise)]),
    Buffer.concat([text, noise]),
  ],
  'zeros behind': [Buffer.concat([gzipSync(text), Buffer.alloc(1000)]), text],
  'one zero behind two members': [
    Buffer.concat([gzipSync(text), gzipSync(text), Buffer.alloc(1)]),
    Buffer.concat([text, text]),
  ],
}

for (const codec of ['native', 'fallback'] as CodecKind[]) {
  const open = (init: Partial<DecoderInit> = {}) =>
    new GunzipStream({ what: 'test', codec, ...init })

  for (const [name, [bytes, content]] of Object.entries(accepted)) {
    test(`${codec}: reads ${name}`, () => {
      for (const pieces of [[], [1], [2, 9], [bytes.length - 1]]) {
        for (const bufferSize of [64, 1000, 1 << 20]) {
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

  test(`${codec}: an end at any byte inside a member is noticed`, () => {
    const bytes = Buffer.concat([member('1e', EXTRA + NAME + COMMENT, text), gzipSync(noise)])
    const boundary = member('1e', EXTRA + NAME + COMMENT, text).length
    for (let end = 0; end < bytes.length; end += end > 200 && end < bytes.length - 200 ? 37 : 1) {
      const decode = () => decodeAll(open(), bytes.subarray(0, end), end % 2 === 0 ? [50] : [])
      if (end === boundary) {
        assert(decode().equals(text))
        continue
      }
      assert.throws(decode, (error) => {
        assert(isAccelError(error, 'FORMAT_TRUNCATED'), `${end}: ${String(error)}`)
        assert.deepEqual([error.context.format, error.context.offset], ['gzip', end])
        return true
      })
    }
  })

  const refused: Record<string, Uint8Array> = {
    'what is no gzip': Buffer.from('a tar, perhaps, of more than ten bytes'),
    'another method than deflate': Buffer.from(`1f8b0900000000000003${'0300'.repeat(5)}`, 'hex'),
    'reserved flags': member('80', '', text),
    'a wrong header checksum': Buffer.from(
      member('02', '', text)
        .toString('hex')
        .replace(/^(.{20})..../, '$10000'),
      'hex',
    ),
    'a wrong checksum': changed(gzipSync(text), -8),
    'a wrong length': changed(gzipSync(text), -1),
    'rubbish behind': Buffer.concat([gzipSync(text), Buffer.from('rubbish, more than ten bytes')]),
    'rubbish behind zeros': Buffer.concat([gzipSync(text), Buffer.alloc(9), Buffer.from('x')]),
    'a member behind zeros': Buffer.concat([gzipSync(text), Buffer.alloc(9), gzipSync(text)]),
  }
  for (const [name, bytes] of Object.entries(refused)) {
    test(`${codec}: refuses ${name}`, () => {
      for (const pieces of [[], [1], [7]]) {
        assert.throws(() => decodeAll(open(), bytes, pieces), { code: 'FORMAT_INVALID' })
      }
    })
  }

  test(`${codec}: names the byte behind the last member that should not be there`, () => {
    const bytes = Buffer.concat([gzipSync(text), Buffer.alloc(5), Buffer.from('x')])
    for (const pieces of [[], [1], [bytes.length - 3]]) {
      assert.throws(
        () => decodeAll(open(), bytes, pieces),
        (error) =>
          isAccelError(error, 'FORMAT_INVALID') && error.context.offset === bytes.length - 1,
      )
    }
  })

  test(`${codec}: a bomb ends at the limit`, () => {
    const bomb = gzipSync(Buffer.alloc(20 << 20))
    const decoder = open({ maxUncompressedSize: 10 << 20 })
    assert.throws(() => decodeAll(decoder, bomb), { code: 'FORMAT_LIMIT_EXCEEDED' })
    assert(decoder.produced <= 18 << 20)
  })

  test(`${codec}: a failed decoder fails again, and another works`, () => {
    const decoder = open()
    decoder.push(changed(gzipSync(text), -8))
    const failures = [0, 1].map(() => {
      try {
        while (decoder.next() !== undefined);
      } catch (error) {
        return error
      }
      return undefined
    })
    assert(isAccelError(failures[0], 'FORMAT_INVALID'))
    assert.equal(failures[1], failures[0])
    decoder.close()
    assert(decodeAll(open(), gzipSync(text)).equals(text))
  })

  test(`${codec}: damage ends in a FORMAT_ error or in bytes, and soon`, () => {
    const bytes = Buffer.concat([member('1e', EXTRA + NAME + COMMENT, text), gzipSync(noise)])
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255))
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

test('both kinds give the same error for the same damage', () => {
  const bytes = gzipSync(noise)
  for (let at = 0; at < bytes.length; at += 11) {
    const [native, fallback] = (['native', 'fallback'] as const).map((codec) => {
      try {
        decodeAll(new GunzipStream({ what: 'test', codec }), changed(bytes, at))
        return 'read'
      } catch (error) {
        return (error as Error).message
      }
    })
    assert.equal(native, fallback)
  }
})

/** A copy with one byte changed; a negative `at` counts from the end. */
function changed(bytes: Uint8Array, at: number): Buffer {
  const copy = Buffer.from(bytes)
  const index = at < 0 ? copy.length + at : at
  copy[index]! ^= 0x55
  return copy
}

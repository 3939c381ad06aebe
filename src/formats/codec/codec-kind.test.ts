import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Candidate } from './codec-kind.ts'
import { codecKind, selfTest } from './codec-kind.ts'
import { OneShotCompressor } from './compressor.ts'
import type { Compressor } from './compressor.ts'
import { ChunkDecompressor } from './decompressor.ts'
import type { Decompressor } from './decompressor.ts'
import { CodecFault } from './handle.ts'

test('on this Node the native handle passes and is in use', () => {
  assert.equal(selfTest(), undefined)
  assert.equal(codecKind(), 'native')
})

const fallback: Candidate = {
  decompressor: (algorithm, bufferSize) => new ChunkDecompressor(algorithm, bufferSize),
  compressor: (init) => new OneShotCompressor(init),
}

test('the fallback passes as well', () => {
  assert.equal(selfTest(fallback), undefined)
})

/** The fallback with one thing changed, as a later Node might change it. */
const broken: Record<string, Partial<Candidate>> = {
  'a constructor that throws': {
    decompressor() {
      throw new TypeError('no such field')
    },
  },
  'other bytes': {
    decompressor: (...init) =>
      changed(fallback.decompressor(...init), {
        decode: (inner, ...input) => inner.decode(...input).map((byte) => byte ^ 1),
      }),
  },
  'input that is said to be used and was not': {
    decompressor: (...init) =>
      changed(fallback.decompressor(...init), { used: (inner) => Math.min(inner.used, 1) }),
  },
  'no input used at all': {
    decompressor: (...init) => changed(fallback.decompressor(...init), { used: () => 0 }),
  },
  'damage that is not reported': {
    decompressor: (...init) =>
      changed(fallback.decompressor(...init), {
        decode(inner, ...input) {
          try {
            return inner.decode(...input)
          } catch (error) {
            assert(error instanceof CodecFault)
            return new Uint8Array(0)
          }
        },
      }),
  },
  'a unit that depends on the one before': {
    compressor(init) {
      const inner = fallback.compressor(init)
      let units = 0
      return {
        write: (input) => inner.write(input),
        take: () => inner.take(),
        finish: () => Buffer.concat([inner.finish(), Buffer.alloc(units++)]),
        unit: (input) => Buffer.concat([inner.unit(input), Buffer.alloc(units++)]),
        close: () => inner.close(),
      } satisfies Compressor
    },
  },
}

for (const [name, change] of Object.entries(broken)) {
  test(`notices ${name}`, () => {
    assert(selfTest({ ...fallback, ...change }) instanceof Error)
  })
}

interface Change {
  decode?: (inner: Decompressor, ...input: Parameters<Decompressor['decode']>) => Uint8Array
  used?: (inner: Decompressor) => number
}

function changed(inner: Decompressor, change: Change): Decompressor {
  return {
    decode: (...input) => change.decode?.(inner, ...input) ?? inner.decode(...input),
    get used() {
      return change.used?.(inner) ?? inner.used
    },
    get more() {
      return inner.more
    },
    get stopped() {
      return inner.stopped
    },
    reset: () => inner.reset(),
    close: () => inner.close(),
  }
}

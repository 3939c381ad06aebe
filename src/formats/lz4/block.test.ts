import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isAccelError } from '../../errors/accel-error.ts'
import { seeded } from '../../testing/random-file-tree.ts'
import { decompressLz4, Lz4Compressor, lz4Bound } from './block.ts'

const compressor = new Lz4Compressor()

function roundTrip(input: Uint8Array): Uint8Array {
  const block = compressor.compress(input).slice()
  assert.ok(block.length <= lz4Bound(input.length))
  assert.ok(Buffer.from(decompressLz4(block, input.length, 'test')).equals(input))
  return block
}

/** Text-like, run-like and random bytes. */
function samples(): Uint8Array[] {
  const random = seeded(7)
  const words = ['lazy', 'pull', 'image', 'layer', 'chunk', ' ', '\n', '0123456789']
  const text = (length: number): Uint8Array => {
    let value = ''
    while (value.length < length) value += words[random(words.length)]
    return Buffer.from(value.slice(0, length))
  }
  return [
    new Uint8Array(),
    Buffer.from('a'),
    new Uint8Array(12),
    new Uint8Array(13),
    new Uint8Array(100_000),
    text(4096),
    text(300_000),
    Uint8Array.from({ length: 100_000 }, () => random(256)),
    readFileSync(process.execPath).subarray(0, 1_000_000),
  ]
}

test('blocks hold what was compressed', () => {
  for (const input of samples()) roundTrip(input)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, max: 3 }), (input) => void roundTrip(input)),
  )
})

test('what repeats gets small, and the table of one block does not leak into the next', () => {
  assert.ok(roundTrip(new Uint8Array(100_000)).length < 500)
  const once = compressor.compress(Buffer.from('abcdefgh'.repeat(50))).slice()
  assert.deepEqual(new Lz4Compressor().compress(Buffer.from('abcdefgh'.repeat(50))), once)
})

test('a block made by the reference implementation is read', () => {
  // `lz4 -1` of "abcabcabcabcabcabcabcabc-tail": 3 literals, a match of 21 bytes 3 back, 5 literals.
  const block = Buffer.from('3f616263030002502d7461696c', 'hex')
  assert.equal(
    Buffer.from(decompressLz4(block, 29, 'test')).toString(),
    'abcabcabcabcabcabcabcabc-tail',
  )
})

test('damaged blocks are refused and never read or write outside', () => {
  const input = samples()[5] as Uint8Array
  const block = compressor.compress(input).slice()
  const random = seeded(3)
  const attempt = (damaged: Uint8Array, size: number): void => {
    try {
      decompressLz4(damaged, size, 'chunk 5')
    } catch (error) {
      assert.ok(isAccelError(error, 'FORMAT_INVALID') && error.message.includes('chunk 5'))
    }
  }
  for (let i = 0; i < 2000; i++) {
    const damaged = block.slice()
    damaged[random(damaged.length)] = random(256)
    attempt(damaged, input.length)
  }
  for (let end = 0; end < block.length; end += 7) attempt(block.subarray(0, end), input.length)
  for (const size of [0, 1, input.length - 1, input.length + 1]) {
    assert.throws(
      () => decompressLz4(block, size, 'chunk 5'),
      (error) => isAccelError(error, 'FORMAT_INVALID'),
    )
  }
})

const missing =
  spawnSync('lz4', ['--version']).error === undefined ? false : 'there is no lz4 program here'

test('the reference program reads our blocks', { skip: missing }, () => {
  for (const input of samples().filter((s) => s.length > 0)) {
    const frame = legacyFrame(compressor.compress(input))
    const { stdout, stderr, status } = spawnSync('lz4', ['-d', '-c'], {
      input: frame,
      maxBuffer: 2 ** 26,
    })
    assert.equal(status, 0, stderr.toString())
    assert.ok(stdout.equals(input), `${input.length} bytes`)
  }
})

test('we read the blocks of the reference program', { skip: missing }, () => {
  for (const input of samples().filter((s) => s.length > 0)) {
    for (const level of ['-1', '-9']) {
      // -l: the legacy frame, a magic number and then each block behind its size; blocks of up to 8 MiB.
      const { stdout } = spawnSync('lz4', [level, '-l', '-c'], { input, maxBuffer: 2 ** 26 })
      assert.equal(stdout.readUInt32LE(0), 0x184c2102)
      const block = stdout.subarray(8, 8 + stdout.readUInt32LE(4))
      assert.ok(Buffer.from(decompressLz4(block, input.length, 'test')).equals(input))
    }
  }
})

function legacyFrame(block: Uint8Array): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32LE(0x184c2102, 0)
  head.writeUInt32LE(block.length, 4)
  return Buffer.concat([head, block])
}

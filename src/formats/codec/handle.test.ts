import assert from 'node:assert/strict'
import { test } from 'node:test'
import { constants, createDeflateRaw, createGunzip, createGzip, gzipSync } from 'node:zlib'
import { CodecFault, ZlibHandle } from './handle.ts'

const FLOW = constants.Z_NO_FLUSH

test('bytes go from a part of one buffer to a part of another', () => {
  const member = gzipSync('hello')
  const input = Buffer.concat([Buffer.alloc(3), member, Buffer.from('next')])
  const output = Buffer.alloc(20, '.')
  const handle = new ZlibHandle(createGunzip())
  handle.write(FLOW, input, 3, member.length, output, 2, 18)
  assert.deepEqual([handle.availIn, handle.availOut], [0, 13])
  assert.equal(output.toString(), '..hello.............')
})

test('damage is a fault; then nothing may be written before a reset, which mends it', () => {
  const handle = new ZlibHandle(createGunzip())
  const output = new Uint8Array(100)
  const damaged = Buffer.from('1f8b0800000000000003ffff', 'hex')
  assert.throws(
    () => handle.write(FLOW, damaged, 0, 12, output, 0, 100),
    (error) => {
      assert(error instanceof CodecFault)
      assert.equal(error.code, 'Z_DATA_ERROR')
      return true
    },
  )
  const member = gzipSync('hello')
  // Without this the process would abort.
  assert.throws(
    () => handle.write(FLOW, member, 0, member.length, output, 0, 100),
    /write after an error/,
  )
  handle.reset()
  handle.write(FLOW, member, 0, member.length, output, 0, 100)
  assert.equal(handle.availOut, 95)
})

test('nothing may be written after close, and close may come twice', () => {
  const handle = new ZlibHandle(createDeflateRaw())
  handle.close()
  handle.close()
  assert.throws(() => handle.write(FLOW, undefined, 0, 0, new Uint8Array(9), 0, 9), /after close/)
})

test('a stream without the fields is refused, not driven', () => {
  for (const field of ['_handle', '_writeState']) {
    const stream = createGzip()
    Object.defineProperty(stream, field, { value: undefined })
    assert.throws(() => new ZlibHandle(stream))
  }
})

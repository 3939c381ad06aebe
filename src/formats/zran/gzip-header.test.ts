import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32 } from 'node:zlib'
import { gzipHeaderSize } from './gzip-header.ts'

const FIXED = '000000000003'
const EXTRA = '0300abcdef'
const NAME = Buffer.from('layer.tar\0').toString('hex')
const COMMENT = Buffer.from('made by hand\0').toString('hex')

function header(flags: string, fields: string): Buffer {
  const bytes = Buffer.from(`1f8b08${flags}${FIXED}${fields}`, 'hex')
  if ((Number.parseInt(flags, 16) & 2) === 0) return bytes
  const crc = Buffer.alloc(2)
  crc.writeUInt16LE(crc32(bytes) & 0xffff)
  return Buffer.concat([bytes, crc])
}

const headers: Record<string, Buffer> = {
  'no field': header('00', ''),
  'a text flag': header('01', ''),
  'an extra field': header('04', EXTRA),
  'a name': header('08', NAME),
  'a comment': header('10', COMMENT),
  'a checksum': header('02', ''),
  'every field': header('1f', EXTRA + NAME + COMMENT),
}

for (const [name, bytes] of Object.entries(headers)) {
  test(`a header with ${name} is as long as it is, and not known before its end`, () => {
    const placed = Buffer.concat([Buffer.from('..'), bytes, Buffer.from([0xed, 0xff, 0xff])])
    assert.equal(gzipHeaderSize(placed, 2, placed.length), bytes.length)
    for (let end = 0; end < bytes.length; end++) {
      assert.equal(gzipHeaderSize(placed, 2, 2 + end), undefined, `${end} bytes`)
    }
  })
}

test('what is no header is told', () => {
  const damaged = Buffer.from(headers['every field']!)
  damaged[12]! ^= 1
  const wrong: [RegExp, Uint8Array][] = [
    [/no gzip member/, Buffer.from(`1f9d08${'00'.repeat(7)}`, 'hex')],
    [/compression method 7/, Buffer.from(`1f8b07${'00'.repeat(7)}`, 'hex')],
    [/unknown flags 0x20/, Buffer.from(`1f8b0820${'00'.repeat(6)}`, 'hex')],
    [/CRC of a gzip header/, damaged],
  ]
  for (const [problem, bytes] of wrong) {
    assert.match(String(gzipHeaderSize(bytes, 0, bytes.length)), problem)
  }
})

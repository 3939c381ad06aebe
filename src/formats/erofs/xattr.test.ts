import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordReader } from '../../bytes/record-reader.ts'
import { isAccelError } from '../../errors/accel-error.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import type { Xattr } from '../nydus-tree/xattr-set.ts'
import { decodeXattrs, encodeXattrs, isStorable, xattrAreaSize, xattrCountOf } from './xattr.ts'

const xattr = (name: string, value: string): Xattr => ({
  name: Buffer.from(name),
  value: Buffer.from(value),
})
const sample = [
  xattr('security.x', 'abc'),
  xattr('system.posix_acl_access', ''),
  xattr('user.ab', '12345'),
]

function decode(bytes: Uint8Array, offset = 0, size = bytes.length, shared = 0): string[] {
  const reader = new RecordReader(bytes, formatFailure('test', 'EROFS image'))
  return decodeXattrs(reader, offset, size, shared).map(
    (x) => `${Buffer.from(x.name).toString()}=${Buffer.from(x.value).toString()}`,
  )
}

test('attributes are a header of 12 bytes and entries padded to 4', () => {
  const bytes = encodeXattrs(sample)
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    '000000000000000000000000' +
      '01060300' +
      '78616263' +
      '00020000' +
      '02010500' +
      '6162313233343500',
  )
  assert.equal(bytes.length, xattrAreaSize(sample))
  assert.equal(xattrCountOf(bytes.length), (bytes.length - 12) / 4 + 1)
  assert.equal(xattrCountOf(0), 0)
  assert.equal(encodeXattrs([]).length, 0)
  assert.deepEqual(decode(bytes), ['security.x=abc', 'system.posix_acl_access=', 'user.ab=12345'])
})

test('shared attributes are found by their id', () => {
  const shared = Buffer.alloc(16)
  shared.set(encodeXattrs([xattr('user.s', 'v')]).subarray(12), 8)
  const own = Buffer.from(encodeXattrs([xattr('user.own', 'w')]))
  const inode = Buffer.concat([own.subarray(0, 12), Buffer.from([2, 0, 0, 0]), own.subarray(12)])
  inode.writeUInt8(1, 4)
  assert.deepEqual(decode(Buffer.concat([shared, inode]), 16, inode.length, 0), [
    'user.own=w',
    'user.s=v',
  ])
})

test('only names and values that fit can be stored', () => {
  assert.ok(isStorable(xattr('user.a', 'x'.repeat(65535))))
  assert.ok(!isStorable(xattr('user.a', 'x'.repeat(65536))))
  assert.ok(!isStorable(xattr('com.apple.x', '')))
  assert.ok(!isStorable(xattr(`user.${'n'.repeat(251)}`, '')))
})

test('areas that contradict themselves are refused', () => {
  const cases: ((bytes: Buffer) => void)[] = [
    (bytes) => bytes.writeUInt8(200, 4),
    (bytes) => bytes.writeUInt8(9, 13),
    (bytes) => bytes.writeUInt8(0x81, 13),
    (bytes) => bytes.writeUInt16LE(5000, 14),
  ]
  for (const change of cases) {
    const bytes = Buffer.from(encodeXattrs(sample))
    change(bytes)
    assert.throws(
      () => decode(bytes),
      (error) => isAccelError(error, 'FORMAT_INVALID') || isAccelError(error, 'FORMAT_TRUNCATED'),
    )
  }
})

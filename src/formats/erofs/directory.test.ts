import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RecordReader } from '../../bytes/record-reader.ts'
import { isAccelError } from '../../errors/accel-error.ts'
import { formatFailure } from '../nydus-tree/format-failure.ts'
import { S_IFLNK, S_IFREG } from '../nydus-tree/file-mode.ts'
import {
  decodeDirectoryBlock,
  directorySize,
  type DirectoryEntry,
  encodeDirectory,
  fileTypeOf,
} from './directory.ts'

const reader = (bytes: Uint8Array): RecordReader =>
  new RecordReader(bytes, formatFailure('test', 'EROFS image'))

function entries(names: readonly string[]): DirectoryEntry[] {
  return names.map((name, i) => ({ name: Buffer.from(name), nid: i + 1, fileType: 1 }))
}

function encoded(list: readonly DirectoryEntry[], blockSize: number): Uint8Array {
  const source = {
    count: list.length,
    nameSizeOf: (entry: number) => list[entry]!.name.length,
    copyName: (entry: number, target: Uint8Array, at: number) => target.set(list[entry]!.name, at),
    nidOf: (entry: number) => list[entry]!.nid,
    fileTypeOf: (entry: number) => list[entry]!.fileType,
  }
  const out = new Uint8Array(directorySize(source, blockSize))
  encodeDirectory(source, blockSize, out)
  return out
}

test('a directory is dirents, then names back to back', () => {
  const bytes = encoded(
    [
      { name: Buffer.from('.'), nid: 128, fileType: 2 },
      { name: Buffer.from('..'), nid: 128, fileType: 2 },
      { name: Buffer.from('lib.rs'), nid: 133, fileType: 1 },
      { name: Buffer.from('sync_io.rs'), nid: 136, fileType: 1 },
    ],
    4096,
  )
  // Bootstrap rafs-v6-2.2.boot at 12352.
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    '800000000000000030000200' +
      '800000000000000031000200' +
      '850000000000000033000100' +
      '880000000000000039000100' +
      Buffer.from('...lib.rssync_io.rs').toString('hex'),
  )
  assert.equal(fileTypeOf(S_IFREG | 0o644), 1)
  assert.equal(fileTypeOf(S_IFLNK), 7)
})

test('no entry crosses a block; a block filled to the last byte is followed by a new one', () => {
  // 4 entries of 12 + 116 bytes fill a block of 512.
  const names = ['a', 'b', 'c', 'd', 'e'].map((letter) => letter.repeat(116))
  const bytes = encoded(entries(names), 512)
  assert.equal(bytes.length, 512 + 128)
  const first = decodeDirectoryBlock(reader(bytes), 0, 512, undefined)
  const second = decodeDirectoryBlock(reader(bytes), 512, 128, first[3]?.name)
  assert.deepEqual(
    [...first, ...second].map((e) => Buffer.from(e.name).toString()),
    names,
  )
  assert.throws(
    () => decodeDirectoryBlock(reader(bytes), 512, 128, Buffer.from('f')),
    /not in order/,
  )
})

test('a name that ends before its block does ends at the first zero', () => {
  const names = ['a'.repeat(300), 'b'.repeat(300)]
  const bytes = encoded(entries(names), 512)
  assert.equal(bytes.length, 512 + 312)
  assert.deepEqual(
    decodeDirectoryBlock(reader(bytes), 0, 512, undefined).map((e) => e.name.length),
    [300],
  )
})

test('directory blocks that contradict themselves are refused', () => {
  const block = (): Buffer => Buffer.from(encoded(entries(['a', 'b', 'cc']), 512))
  const refused = (change: (bytes: Buffer) => void): void => {
    const bytes = block()
    change(bytes)
    assert.throws(
      () => decodeDirectoryBlock(reader(bytes), 0, bytes.length, undefined),
      (error) => isAccelError(error, 'FORMAT_INVALID') || isAccelError(error, 'FORMAT_TRUNCATED'),
    )
  }
  refused((bytes) => bytes.writeUInt16LE(0, 8))
  refused((bytes) => bytes.writeUInt16LE(13, 8))
  refused((bytes) => bytes.writeUInt16LE(480, 8))
  refused((bytes) => bytes.writeUInt16LE(36, 20))
  refused((bytes) => bytes.writeUInt16LE(35, 20))
  refused((bytes) => bytes.writeUInt16LE(60, 32))
  refused((bytes) => bytes.write('b', 36))
  refused((bytes) => bytes.writeUInt8(0x80, 7))
})

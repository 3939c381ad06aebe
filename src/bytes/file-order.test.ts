import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FileOrder, inFileOrder, MAX_RECORD_SIZE } from './file-order.ts'

test('pieces in file order leave as runs without gaps', () => {
  const piece = (offset: number, text: string) => ({ offset, bytes: Buffer.from(text) })
  const size = 600_000
  const far = 'x'.repeat(300_000)
  const out = Buffer.concat([
    ...inFileOrder([piece(0, 'ab'), piece(5, 'c'), piece(262_140, far)], size),
  ])
  const expected = Buffer.alloc(size)
  expected.write('ab', 0)
  expected.write('c', 5)
  expected.write(far, 262_140)
  assert.ok(out.equals(expected))
  assert.throws(() => [...inFileOrder([piece(5, 'a'), piece(5, 'b')], 10)], /come after/)
})

test('records are written where they stand, also over the end of a piece', () => {
  const size = 800_000
  const expected = Buffer.alloc(size)
  const file = new FileOrder(size)
  const pieces: Uint8Array[] = []
  for (let offset = 10; offset + MAX_RECORD_SIZE <= size; offset += MAX_RECORD_SIZE + 3) {
    const at = file.at(offset, MAX_RECORD_SIZE)
    file.bytes.fill(offset & 0xff, at, at + MAX_RECORD_SIZE)
    file.view.setUint8(at, 7)
    expected.fill(offset & 0xff, offset, offset + MAX_RECORD_SIZE).writeUInt8(7, offset)
    if (file.hasWhole) pieces.push(...file.take())
  }
  pieces.push(...file.put(size - 2, Buffer.from('ab')), ...file.end())
  expected.write('ab', size - 2)
  assert.ok(Buffer.concat(pieces).equals(expected))
  assert.ok(pieces.every((piece) => piece.length <= 256 * 1024))
  assert.throws(() => file.at(5, 1), /come after/)
  assert.throws(() => file.at(size, 1), /in a file of/)
})

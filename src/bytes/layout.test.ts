import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { alignUp, layout, LayoutError, viewOf, type Of } from './layout.ts'
import { ascii, bits64le, bytes, i64le, u16le, u32le, u64le, u8, zeros } from './scalar.ts'

const Sample = layout('sample', 64, {
  kind: [0, u8, 'what it is'],
  reserved: [1, zeros(1), '0'],
  flags: [2, u16le, 'flags'],
  count: [4, u32le, 'how many'],
  size: [8, u64le, 'bytes'],
  mtime: [16, i64le, 'seconds'],
  packed: [24, bits64le, 'several fields'],
  digest: [32, bytes(4), 'digest'],
  id: [36, ascii(8), 'name'],
  tail: [44, zeros(20), '0'],
})
type Sample = Of<typeof Sample>

const value: Sample = {
  kind: 0x7f,
  flags: 0x0201,
  count: 0xfffefdfc,
  size: 0x1f_ffff_ffff_fff0 / 2,
  mtime: -2,
  packed: 0xfedcba9876543210n,
  digest: Uint8Array.of(1, 2, 3, 4),
  id: 'blob',
}

test('a record is written little endian at its stated offsets, padding as zeros', () => {
  const out = new Uint8Array(66).fill(0xee)
  Sample.encode(viewOf(out), 1, value)
  assert.equal(
    Buffer.from(out).toString('hex'),
    'ee' +
      '7f' +
      '00' +
      '0102' +
      'fcfdfeff' +
      'f8ffffffffff0f00' +
      'feffffffffffffff' +
      '1032547698badcfe' +
      '01020304' +
      '626c6f6200000000' +
      '00'.repeat(20) +
      'ee',
  )
  assert.deepEqual(Sample.decode(viewOf(out), 1), value)
})

test('the type of a record has its rows and not its padding', () => {
  value satisfies { kind: number; packed: bigint; digest: Uint8Array; id: string }
  // @ts-expect-error padding has no value
  assert.equal(value.reserved, undefined)
  // @ts-expect-error a row is missing
  const incomplete: Sample = { kind: 1 }
  assert.throws(
    () => Sample.encode(new DataView(new ArrayBuffer(64)), 0, incomplete),
    /sample\.flags/,
  )
})

test('a table with a gap, an overlap or a wrong total does not load', () => {
  assert.throws(
    () => layout('gap', 8, { a: [0, u16le, ''], b: [4, u32le, ''] }),
    /gap\.b begins at 4/,
  )
  assert.throws(() => layout('overlap', 6, { a: [0, u32le, ''], b: [2, u32le, ''] }), /overlap\.b/)
  assert.throws(() => layout('total', 8, { a: [0, u32le, ''] }), /add up to 4 bytes, not 8/)
})

test('values that do not fit are refused when written', () => {
  const view = new DataView(new ArrayBuffer(64))
  const wrong: Partial<Sample>[] = [
    { kind: 256 },
    { flags: -1 },
    { count: 2 ** 32 },
    { count: 1.5 },
    { size: 2 ** 53 },
    { mtime: Number.NaN },
    { digest: new Uint8Array(3) },
    { id: 'longer than 8' },
    { id: '\u0100' },
  ]
  for (const part of wrong) {
    assert.throws(
      () => Sample.encode(view, 0, { ...value, ...part }),
      new RegExp(`sample\\.${Object.keys(part)[0]}`),
    )
  }
})

test('a stored 64-bit number that is not safe names its field', () => {
  const out = new Uint8Array(64)
  Sample.encode(viewOf(out), 0, value)
  out[15] = 0x80
  assert.throws(
    () => Sample.decode(viewOf(out), 0),
    (error) => error instanceof LayoutError && error.field === 'size' && error.offset === 8,
  )
})

test('every number survives the round trip', () => {
  const view = new DataView(new ArrayBuffer(8))
  fc.assert(
    fc.property(fc.maxSafeInteger(), (number) => {
      i64le.set(view, 0, number)
      assert.equal(i64le.get(view, 0), number)
      assert.equal(view.getBigInt64(0, true), BigInt(number))
      u64le.set(view, 0, Math.abs(number))
      assert.equal(u64le.get(view, 0), Math.abs(number))
    }),
  )
})

test('the table is its own documentation', () => {
  assert.equal(Sample.offsetOf('packed'), 24)
  assert.equal(Sample.markdown().split('\n')[4], '| 2 | 2 | flags | u16le | flags |')
})

test('alignUp rounds up', () => {
  assert.deepEqual(
    [0, 1, 4095, 4096, 2 ** 40 + 1].map((n) => alignUp(n, 4096)),
    [0, 4096, 4096, 4096, 2 ** 40 + 4096],
  )
})

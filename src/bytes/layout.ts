import { strict as assert } from 'node:assert'
import type { Scalar } from './scalar.ts'

/** One row of a record's table: where the field begins, what it is, what it means. */
export type Row = readonly [offset: number, scalar: Scalar<unknown>, meaning: string]
type Rows = Readonly<Record<string, Row>>

type ValueOf<S> = S extends { padding: true } ? never : S extends Scalar<infer T> ? T : never
type Named<R extends Rows> = {
  [K in keyof R as R[K][1] extends { padding: true } ? never : K]: ValueOf<R[K][1]>
}

/** The value that a layout reads and writes: its rows without padding. */
export type Of<L> = L extends Layout<infer R> ? Named<R> : never

/** A stored number that is no size, offset or time we can work with. Readers turn it into FORMAT_INVALID. */
export class LayoutError extends Error {
  override readonly name = 'LayoutError'
  readonly record: string
  readonly field: string
  /** Where the field stands, counted like the `at` given to `decode`. */
  readonly offset: number

  constructor(record: string, field: string, offset: number) {
    super(`${record}.${field} at ${offset} is not a safe integer`)
    this.record = record
    this.field = field
    this.offset = offset
  }
}

/** A fixed-size binary record, declared once: writer, reader, types, documentation and tests come from it. */
export interface Layout<R extends Rows> {
  readonly name: string
  /** Bytes. */
  readonly size: number
  /** The rows in order, padding included. */
  readonly rows: R
  /** Writes `value` at `at`, padding as zeros. A value that does not fit is a bug and throws RangeError. */
  encode(view: DataView, at: number, value: Named<R>): void
  /**
   * Reads the record at `at`; `bytes` fields are views. The caller has checked that it lies within the view.
   * Throws LayoutError for a 64-bit number that is not a safe integer.
   */
  decode(view: DataView, at: number): Named<R>
  /** Where `field` begins within the record, for a reader that wants one field. */
  offsetOf(field: keyof R): number
  /** The table in Markdown, for docs/formats. */
  markdown(): string
}

/**
 * Declares a record of `size` bytes. The rows are checked at once: they touch without gap or overlap and add up
 * to `size`, so that a wrong number fails when the module loads and not when somebody mounts the result.
 */
export function layout<const R extends Rows>(name: string, size: number, rows: R): Layout<R> {
  const fields = Object.entries(rows).map(([field, [offset, scalar, meaning]]) => ({
    field,
    offset,
    scalar,
    meaning,
  }))
  let end = 0
  for (const { field, offset, scalar } of fields) {
    assert.equal(offset, end, `${name}.${field} begins at ${offset}, the row before ends at ${end}`)
    end += scalar.size
  }
  assert.equal(end, size, `the rows of ${name} add up to ${end} bytes, not ${size}`)
  const valued = fields.filter(({ scalar }) => scalar.padding === undefined)

  return {
    name,
    size,
    rows,
    encode(view, at, value) {
      for (const { field, offset, scalar } of fields) {
        try {
          scalar.set(view, at + offset, (value as Record<string, unknown>)[field])
        } catch (cause) {
          throw new RangeError(`${name}.${field}: ${(cause as Error).message}`, { cause })
        }
      }
    },
    decode(view, at) {
      const value: Record<string, unknown> = {}
      for (const { field, offset, scalar } of valued) {
        const got = scalar.get(view, at + offset)
        if (typeof got === 'number' && !Number.isSafeInteger(got)) {
          throw new LayoutError(name, field, at + offset)
        }
        value[field] = got
      }
      return value as Named<R>
    },
    offsetOf(field) {
      const row = rows[field]
      assert.ok(row, `${name} has no field ${String(field)}`)
      return row[0]
    },
    markdown() {
      const lines = fields.map(
        ({ field, offset, scalar, meaning }) =>
          `| ${offset} | ${scalar.size} | ${field} | ${scalar.name} | ${meaning} |`,
      )
      return ['| off | size | field | form | meaning |', '|---|---|---|---|---|', ...lines].join(
        '\n',
      )
    },
  }
}

/** A DataView of exactly the bytes of `array`. */
export function viewOf(array: Uint8Array): DataView {
  return new DataView(array.buffer, array.byteOffset, array.byteLength)
}

/** `value` rounded up to a multiple of `unit`. Exact for safe integers; `unit` need not be a power of two. */
export function alignUp(value: number, unit: number): number {
  const over = value % unit
  return over === 0 ? value : value + unit - over
}

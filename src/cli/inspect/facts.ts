/**
 * What is known of something, by name, in plain values: what a format says of itself, free of how it is shown. Members
 * that are undefined are not shown.
 */
export interface Facts {
  readonly [name: string]: Fact | undefined
}

/** A value, a list of values, further facts, or rows. */
export type Fact = Scalar | readonly Scalar[] | Facts | readonly Facts[] | Rows

export type Scalar = string | number | boolean

/** One line of a table, by column. */
export type Row = Readonly<Record<string, Scalar | readonly Scalar[] | undefined>>

/** Many of one shape. They are made each time that they are gone through, so that a million of them need no memory. */
export class Rows implements Iterable<Row> {
  readonly #make: () => Iterable<Row>

  constructor(make: () => Iterable<Row>) {
    this.#make = make
  }

  [Symbol.iterator](): Iterator<Row> {
    return this.#make()[Symbol.iterator]()
  }
}

/** The digits of bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

/** A number of flags as documentation writes it. */
export function hexNumber(value: number): string {
  return `0x${value.toString(16)}`
}

/** The names of the bits that are set; bits without a name as one number. */
export function flagNames(names: Readonly<Record<string, number>>, flags: number): string[] {
  const set = Object.entries(names).filter(([, bit]) => (flags & bit) !== 0)
  const rest = set.reduce((left, [, bit]) => left & ~bit, flags) >>> 0
  return [...set.map(([name]) => name), ...(rest === 0 ? [] : [hexNumber(rest)])]
}

/** Seconds since 1970 as ISO 8601, with nanoseconds where there are some; far outside of its range the number itself. */
export function timeText(seconds: number, nanoseconds = 0): string {
  const date = new Date(seconds * 1000)
  if (Number.isNaN(date.getTime())) return `${seconds}s`
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0')}`
  return date.toISOString().replace(/\.000Z$/, `${fraction}Z`)
}

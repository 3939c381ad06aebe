/**
 * How one value of `T` stands in `size` bytes. Byte order is part of the scalar.
 * `get` and `set` do no checks of their own: the record around them has been bounds-checked.
 */
export interface Scalar<T> {
  /** As it appears in the documentation: `u32le`, `bytes(32)`. */
  readonly name: string
  /** Bytes. */
  readonly size: number
  get(view: DataView, at: number): T
  set(view: DataView, at: number, value: T): void
  /** Present on rows that have no value: padding and reserved fields, written as zeros and not read. */
  readonly padding?: true
}

export const u8: Scalar<number> = {
  name: 'u8',
  size: 1,
  get: (view, at) => view.getUint8(at),
  set: (view, at, value) => view.setUint8(at, inRange(value, 0xff)),
}

export const u16le: Scalar<number> = {
  name: 'u16le',
  size: 2,
  get: (view, at) => view.getUint16(at, true),
  set: (view, at, value) => view.setUint16(at, inRange(value, 0xffff), true),
}

export const u32le: Scalar<number> = {
  name: 'u32le',
  size: 4,
  get: (view, at) => view.getUint32(at, true),
  set: (view, at, value) => view.setUint32(at, inRange(value, 0xffffffff), true),
}

/** A size, offset or count: a number, which must be a safe integer (checked by the record on both sides). */
export const u64le: Scalar<number> = {
  name: 'u64le',
  size: 8,
  get: (view, at) => view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000,
  set: (view, at, value) => {
    inRange(value, Number.MAX_SAFE_INTEGER)
    view.setUint32(at, value % 0x1_0000_0000, true)
    view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
  },
}

/** A signed number, such as a time: must be a safe integer. */
export const i64le: Scalar<number> = {
  name: 'i64le',
  size: 8,
  get: (view, at) => view.getUint32(at, true) + view.getInt32(at + 4, true) * 0x1_0000_0000,
  set: (view, at, value) => {
    if (!Number.isSafeInteger(value)) throw new RangeError(`${value} is not a safe integer`)
    view.setUint32(at, value >>> 0, true)
    view.setInt32(at + 4, Math.floor(value / 0x1_0000_0000), true)
  },
}

/** Flags or packed fields of 64 bits. */
export const bits64le: Scalar<bigint> = {
  name: 'u64le (bits)',
  size: 8,
  get: (view, at) => view.getBigUint64(at, true),
  set: (view, at, value) => view.setBigUint64(at, value, true),
}

/** Exactly `size` bytes. Reading gives a view of the record's own buffer, not a copy. */
export function bytes(size: number): Scalar<Uint8Array> {
  return {
    name: `bytes(${size})`,
    size,
    get: (view, at) => new Uint8Array(view.buffer, view.byteOffset + at, size),
    set: (view, at, value) => {
      if (value.length !== size)
        throw new RangeError(`${value.length} bytes for a field of ${size}`)
      new Uint8Array(view.buffer, view.byteOffset + at, size).set(value)
    },
  }
}

/** ASCII text of at most `size` bytes, padded with NUL; reading stops at the first NUL. Each byte becomes one character (latin1). */
export function ascii(size: number): Scalar<string> {
  return {
    name: `ascii(${size})`,
    size,
    get: (view, at) => {
      let text = ''
      for (let i = 0; i < size; i++) {
        const byte = view.getUint8(at + i)
        if (byte === 0) break
        text += String.fromCharCode(byte)
      }
      return text
    },
    set: (view, at, value) => {
      if (value.length > size) throw new RangeError(`${value.length} bytes for a field of ${size}`)
      for (let i = 0; i < size; i++) {
        view.setUint8(at + i, i < value.length ? inRange(value.charCodeAt(i), 0xff) : 0)
      }
    },
  }
}

/** `size` bytes that mean nothing: written as zeros, skipped when read. */
export function zeros(size: number): Scalar<undefined> & { padding: true } {
  return {
    name: `zeros(${size})`,
    size,
    padding: true,
    get: () => undefined,
    set: (view, at) => {
      for (let i = 0; i < size; i++) view.setUint8(at + i, 0)
    },
  }
}

function inRange(value: number, max: number): number {
  if (!(value >= 0 && value <= max) || !Number.isInteger(value)) {
    throw new RangeError(`${value} is not an integer of 0..${max}`)
  }
  return value
}

import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs'
import assert from 'node:assert/strict'
import { atStore } from '../blob-file.ts'

const PIECE = 256 * 1024

/** An uncompressed tar, kept in a file while it is put in another order. */
export interface Spool extends Disposable {
  write(bytes: Uint8Array): void
  /** The bytes from `start` to `end`, in pieces, each valid until the next. */
  read(start: number, end: number): Generator<Uint8Array>
}

/** Makes a spool beside `path`. It has no name, so nothing is left of it whatever happens. */
export function openSpool(path: string): Spool {
  const name = `${path}.tar`
  const fd = atStore(name, () => {
    const opened = openSync(name, 'wx+', 0o600)
    unlinkSync(name)
    return opened
  })
  const buffer = Buffer.allocUnsafeSlow(PIECE)
  return {
    write(bytes) {
      for (let at = 0; at < bytes.length;) {
        at += atStore(name, () => writeSync(fd, bytes.subarray(at)))
      }
    },
    *read(start, end) {
      for (let at = start; at < end;) {
        const length = atStore(name, () => readSync(fd, buffer, 0, Math.min(PIECE, end - at), at))
        assert(length > 0, 'a spool is shorter than what was written')
        yield buffer.subarray(0, length)
        at += length
      }
    },
    [Symbol.dispose]: () => closeSync(fd),
  }
}

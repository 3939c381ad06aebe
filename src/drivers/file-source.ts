import { fstatSync, openSync, readSync, closeSync } from 'node:fs'
import { AccelError } from '../errors/accel-error.ts'
import type { BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { atStore } from './blob-file.ts'

/** A file of which parts are read. */
export interface FileSource extends BlobSource, Disposable {
  /** Fills `target` with the bytes from `offset` on. */
  readInto(offset: number, target: Uint8Array): void
}

/** A file that a layer thread reads parts of; closed when disposed of. Throws STORE_UNUSABLE; reads throw FORMAT_TRUNCATED. */
export function openFile(path: string, what: string): FileSource {
  const file = atStore(path, () => openSync(path, 'r'))
  const { size } = fstatSync(file)
  const truncated = (offset: number, length: number): AccelError => {
    const expected = `${length} bytes at ${offset}`
    return new AccelError('FORMAT_TRUNCATED', { what, format: 'file', offset: size, expected })
  }
  const readInto = (offset: number, target: Uint8Array): void => {
    for (let filled = 0; filled < target.length;) {
      const read = readSync(file, target, filled, target.length - filled, offset + filled)
      if (read === 0) throw truncated(offset, target.length)
      filled += read
    }
  }
  return {
    size,
    readInto,
    async read(offset, length) {
      // before anything is allocated
      if (!(offset >= 0 && offset + length <= size)) throw truncated(offset, length)
      const bytes = Buffer.allocUnsafe(length)
      readInto(offset, bytes)
      return bytes
    },
    [Symbol.dispose]: () => closeSync(file),
  }
}

import { fstatSync, openSync, readSync, closeSync } from 'node:fs'
import { AccelError } from '../errors/accel-error.ts'
import type { BlobSource } from '../formats/nydus-blob/blob-reader.ts'
import { atStore } from './blob-file.ts'

/** A file that a layer thread reads parts of; closed when disposed of. Throws STORE_UNUSABLE; reads throw FORMAT_TRUNCATED. */
export function openFile(path: string, what: string): BlobSource & Disposable {
  const file = atStore(path, () => openSync(path, 'r'))
  const { size } = fstatSync(file)
  return {
    size,
    async read(offset, length) {
      const bytes = Buffer.allocUnsafe(offset >= 0 && offset + length <= size ? length : 0)
      let filled = 0
      while (filled < bytes.length) {
        const read = readSync(file, bytes, filled, bytes.length - filled, offset + filled)
        if (read === 0) break
        filled += read
      }
      if (filled === length) return bytes
      const expected = `${length} bytes at ${offset}`
      throw new AccelError('FORMAT_TRUNCATED', { what, format: 'file', offset: size, expected })
    },
    [Symbol.dispose]: () => closeSync(file),
  }
}

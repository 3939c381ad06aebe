import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { AccelError } from '../../errors/accel-error.ts'
import type { BlobSource } from '../../formats/nydus-blob/blob-reader.ts'
import { atStore } from '../blob-file.ts'

/** A file that is read in parts, until it is disposed of. Throws STORE_UNUSABLE. */
export function openFileSource(path: string): BlobSource & Disposable {
  const fd = atStore(path, () => openSync(path, 'r'))
  return {
    size: atStore(path, () => fstatSync(fd).size),
    async read(offset, length) {
      const bytes = new Uint8Array(length)
      for (let at = 0; at < length;) {
        const read = atStore(path, () => readSync(fd, bytes, at, length - at, offset + at))
        if (read === 0) {
          throw new AccelError('STORE_UNUSABLE', {
            path,
            problem: `it ends before ${offset + length}`,
          })
        }
        at += read
      }
      return bytes
    },
    [Symbol.dispose]: () => closeSync(fd),
  }
}

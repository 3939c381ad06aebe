import { closeSync, openSync, writeSync } from 'node:fs'
import { AccelError } from '../errors/accel-error.ts'

/** The file that a blob is written to. */
export interface BlobFile extends Disposable {
  /** Writes all of `bytes`. Throws STORE_FULL, STORE_UNUSABLE. */
  write(bytes: Uint8Array): void
}

/** Opens `path` for writing; it is made, or emptied. After its disposal writes are ignored. */
export function openBlobFile(path: string): BlobFile {
  const fd = atStore(path, () => openSync(path, 'w', 0o600))
  let open = true
  return {
    write(bytes) {
      if (!open) return
      for (let at = 0; at < bytes.length;) {
        at += atStore(path, () => writeSync(fd, at === 0 ? bytes : bytes.subarray(at)))
      }
    },
    [Symbol.dispose]() {
      if (open) closeSync(fd)
      open = false
    },
  }
}

/** Makes a call of the file system; its error becomes STORE_FULL or STORE_UNUSABLE. */
export function atStore<Result>(path: string, call: () => Result): Result {
  try {
    return call()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new AccelError('STORE_FULL', { path }, { cause })
    throw new AccelError('STORE_UNUSABLE', { path, problem: message }, { cause })
  }
}

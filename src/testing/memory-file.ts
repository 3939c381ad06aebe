import type { FileSource } from '../drivers/file-source.ts'

/** Bytes as a file of which parts are read. */
export function memoryFile(bytes: Uint8Array): Pick<FileSource, 'size' | 'read' | 'readInto'> {
  return {
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    readInto: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
  }
}

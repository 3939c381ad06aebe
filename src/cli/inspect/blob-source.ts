import { open } from 'node:fs/promises'
import { unreadableFile } from '../../config/text-file.ts'
import { AccelError } from '../../errors/accel-error.ts'
import type { BlobSource } from '../../formats/nydus-blob/blob-reader.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { ByteSource } from '../../streams/byte-source.ts'
import type { RangedSource } from '../../transport/image-transport.ts'

/** Bytes at the end that are read once: headers of sections and footers are there, and each would be a request. */
const TAIL_SIZE = 64 * 1024

/** Bytes that are read at a time where all of a source is. */
const READ_SIZE = 1024 * 1024

/** A file of this machine, until it is disposed of. Throws CONFIG_UNREADABLE; reads throw FORMAT_TRUNCATED. */
export async function openFileSource(path: string): Promise<BlobSource & AsyncDisposable> {
  try {
    const file = await open(path, 'r')
    const { size } = await file.stat()
    const read = async (offset: number, length: number): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length)
      const { bytesRead } = await file.read(bytes, 0, length, offset)
      return bytes.subarray(0, bytesRead)
    }
    return { ...checkedSource(size, path, read), [Symbol.asyncDispose]: () => file.close() }
  } catch (cause) {
    throw unreadableFile(path, cause)
  }
}

/** A blob of an image, read by ranges. `what` names it in messages. Reads throw FORMAT_TRUNCATED, CONTENT_…, REGISTRY_…. */
export function remoteSource(
  image: RangedSource,
  descriptor: Descriptor,
  { what, signal }: { what: string; signal: AbortSignal },
): BlobSource {
  const { size } = descriptor
  const tailStart = Math.max(0, size - TAIL_SIZE)
  let tail: Promise<Uint8Array> | undefined
  const part = (offset: number, length: number): Promise<Uint8Array> =>
    image.blobRange(descriptor, { offset, length }, { signal })
  return checkedSource(size, what, async (offset, length) => {
    if (offset < tailStart) return part(offset, length)
    tail ??= part(tailStart, size - tailStart)
    return (await tail).subarray(offset - tailStart, offset - tailStart + length)
  })
}

/** Refuses what lies outside of the source before memory is taken for it. */
function checkedSource(size: number, what: string, read: BlobSource['read']): BlobSource {
  return {
    size,
    async read(offset, length) {
      if (length === 0) return new Uint8Array()
      const bytes = offset >= 0 && offset + length <= size ? await read(offset, length) : undefined
      if (bytes?.length === length) return bytes
      const expected = `${length} bytes at ${offset}`
      throw new AccelError('FORMAT_TRUNCATED', { what, format: 'file', offset: size, expected })
    },
  }
}

/** All bytes of a source, in order. */
export async function* bytesOf(source: BlobSource): ByteSource & AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.size; at += READ_SIZE) {
    yield await source.read(at, Math.min(READ_SIZE, source.size - at))
  }
}

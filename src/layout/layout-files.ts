import { open, type FileHandle } from 'node:fs/promises'
import { AccelError } from '../errors/accel-error.ts'
import { collect, type ByteSource } from '../streams/byte-source.ts'
import { MAX_DOCUMENT_SIZE } from '../oci/json-document.ts'
import type { Digest } from '../oci/digest.ts'
import type { BlobRange } from '../transport/image-transport.ts'

/** The files of a layout by their path in it, wherever it is kept. */
export interface LayoutFiles {
  /** Where it is, as the user writes it, without a tag. */
  readonly name: string
  /** Bytes of a file; undefined where there is none. */
  size(path: string): Promise<number | undefined>
  /** The bytes of a file, or of a part of it. Throws CONTENT_NOT_FOUND, LAYOUT_UNREADABLE. */
  read(path: string, init?: ReadFileInit): ByteSource
}

/** Which part of a file is read. */
export interface ReadFileInit {
  /** @default the whole file */
  range?: BlobRange | undefined
  signal?: AbortSignal | undefined
  /** As ReadBlobInit. */
  scratch?: Uint8Array | undefined
}

/** Bytes that are read at once. */
const READ_SIZE = 256 * 1024

/** The path of a blob in a layout. Source: OCI image-spec image-layout.md, "Blobs". */
export function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`
}

/** A JSON document of a layout. Throws CONTENT_NOT_FOUND, CONTENT_TOO_LARGE above 4 MiB, LAYOUT_UNREADABLE. */
export async function readDocument(
  files: LayoutFiles,
  path: string,
  init: { signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array> {
  const what = `${files.name}: ${path}`
  const tooLarge = (size: number) =>
    new AccelError('CONTENT_TOO_LARGE', { what, size, limit: MAX_DOCUMENT_SIZE })
  return collect(files.read(path, init), MAX_DOCUMENT_SIZE, tooLarge)
}

/** A part of a file in one piece. Throws CONTENT_SIZE_MISMATCH where the file ends before it, and as `read` does. */
export async function readPart(
  files: LayoutFiles,
  path: string,
  range: BlobRange,
  init: { signal?: AbortSignal | undefined } = {},
): Promise<Uint8Array> {
  const { length } = range
  const wrong = (got: number) =>
    new AccelError('CONTENT_SIZE_MISMATCH', {
      what: `${files.name}: ${path}, bytes from ${range.offset} on`,
      want: length,
      got,
    })
  const part = await collect(files.read(path, { ...init, range }), length, wrong)
  if (part.length < length) throw wrong(part.length)
  return part
}

/**
 * `size` bytes of a file from `start` on, fewer where it ends. `check` looks at the opened file first.
 * Throws LAYOUT_UNREADABLE, ABORTED, or for a file that is not there what `missing` makes.
 */
export async function* readRange(
  path: string,
  init: {
    start?: number
    size?: number
    signal?: AbortSignal | undefined
    missing: () => Error
    check?: (file: FileHandle) => Promise<void>
    /** As ReadBlobInit. */
    scratch?: Uint8Array | undefined
  },
): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r').catch((error: unknown) => {
    throw isMissing(error) ? init.missing() : unreadable(path, error)
  })
  try {
    await init.check?.(file)
    let position = init.start ?? 0
    let left = init.size ?? Infinity
    while (left > 0) {
      stopIfAborted(init.signal, `reading ${path}`)
      const buffer = init.scratch ?? Buffer.allocUnsafeSlow(Math.min(READ_SIZE, left))
      const size = Math.min(buffer.length, left)
      const { bytesRead } = await file.read(buffer, 0, size, position).catch((error) => {
        throw unreadable(path, error)
      })
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
      position += bytesRead
      left -= bytesRead
    }
  } finally {
    await file.close()
  }
}

/** Passes bytes on and tells how many. */
export async function* counted(
  source: ByteSource,
  onProgress: ((bytes: number) => void) | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    yield chunk
    onProgress?.(chunk.length)
  }
}

/** Throws ABORTED when `signal` has aborted; `what` was going on. */
export function stopIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted !== true) return
  const reason: unknown = signal.reason
  throw reason instanceof AccelError
    ? reason
    : new AccelError('ABORTED', { what }, { cause: reason })
}

/** Tells whether a file was not there. */
export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}

export function unreadable(path: string, cause: unknown): AccelError {
  return new AccelError('LAYOUT_UNREADABLE', { path, problem: problemOf(cause) }, { cause })
}

/** What a failed write is: STORE_FULL, LAYOUT_UNWRITABLE, or the error itself where it is not one of the file system. */
export function unwritable(path: string, cause: unknown): unknown {
  const { code, syscall } = cause as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new AccelError('STORE_FULL', { path }, { cause })
  if (syscall === undefined) return cause
  return new AccelError('LAYOUT_UNWRITABLE', { path, problem: problemOf(cause) }, { cause })
}

function problemOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'it does not exist'
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied'
  if (code === 'EISDIR') return 'it is a directory'
  return code ?? String(error)
}

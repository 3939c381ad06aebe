import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { digestFrom } from '../../src/oci/digest.ts'
import { OCI_LAYER_GZIP } from '../../src/oci/media-type.ts'
import type { ByteSource } from '../../src/streams/byte-source.ts'
import type { BuiltLayer } from '../../src/testing/image-builder.ts'
import { testTar } from '../../src/testing/tar-builder.ts'

/** One entry of a layer that is to be packed. */
export type EntryToPack =
  | { type: 'directory'; name: string }
  | { type: 'symlink'; name: string; target: string }
  | {
      type: 'file'
      name: string
      /** Permission bits. @default 0o644 */
      mode?: number
      /** Bytes of the content. */
      size: number
      content(): Iterable<Uint8Array> | ByteSource
    }

/** A layer in a file, ready for `buildImage`. */
export interface PackedLayer extends BuiltLayer {
  /** Where its bytes are. */
  path: string
  /** Bytes of the tar. */
  tarSize: number
  /** Entries of the tar. */
  entries: number
}

export interface PackInit {
  signal: AbortSignal
  /** Level of gzip. @default 6, as docker and buildkit have it */
  level?: number
}

/** Seconds since 1970 of all files: the same entries make the same layer. */
const MTIME = 1_700_000_000

/** Contents up to this many bytes have their size in the header, longer ones in a record before it. */
const MAX_HELD = 1024 * 1024

/** Writes the entries as a gzip layer to the file `path`, in one pass and in constant memory. */
export async function packLayer(
  entries: Iterable<EntryToPack>,
  path: string,
  init: PackInit,
): Promise<PackedLayer> {
  const tarHash = createHash('sha256')
  const blobHash = createHash('sha256')
  let tarSize = 0
  let size = 0
  let count = 0
  async function* tar(): AsyncGenerator<Uint8Array> {
    for await (const piece of tarOf(entries, () => (count += 1))) {
      tarHash.update(piece)
      tarSize += piece.length
      yield piece
    }
  }
  async function* digested(blob: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of blob) {
      blobHash.update(piece)
      size += piece.length
      yield piece
    }
  }
  const gzip = createGzip({ level: init.level ?? 6, chunkSize: 256 * 1024 })
  await pipeline(tar, gzip, digested, createWriteStream(path), { signal: init.signal })
  return {
    descriptor: { mediaType: OCI_LAYER_GZIP, digest: digestFrom(blobHash), size },
    diffId: digestFrom(tarHash),
    path,
    tarSize,
    entries: count,
    open: (offset = 0) => createReadStream(path, { start: offset, highWaterMark: 256 * 1024 }),
  }
}

/** Pieces of at least 256 KiB where there is that much: a write to zlib costs some 20 µs, however small it is. */
async function* tarOf(
  entries: Iterable<EntryToPack>,
  onEntry: () => void,
): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = []
  let heldSize = 0
  for (const entry of entries) {
    onEntry()
    for await (const piece of entryPieces(entry)) {
      held.push(piece)
      heldSize += piece.length
      if (heldSize < 256 * 1024) continue
      yield Buffer.concat(held)
      held = []
      heldSize = 0
    }
  }
  yield Buffer.concat([...held, new Uint8Array(1024)])
}

async function* entryPieces(entry: EntryToPack): AsyncGenerator<Uint8Array> {
  const init = { mtime: MTIME }
  if (entry.type === 'directory') {
    yield testTar().directory(entry.name, init).bytes({ end: false })
  } else if (entry.type === 'symlink') {
    yield testTar().symlink(entry.name, entry.target, init).bytes({ end: false })
  } else if (entry.size <= MAX_HELD) {
    const content: Uint8Array[] = []
    for await (const piece of entry.content()) content.push(piece)
    yield testTar()
      .file(entry.name, Buffer.concat(content), { ...init, mode: entry.mode ?? 0o644 })
      .bytes({ end: false })
  } else {
    const pax = { size: String(entry.size) }
    yield testTar()
      .file(entry.name, '', { ...init, mode: entry.mode ?? 0o644, pax })
      .bytes({ end: false })
    yield* entry.content()
    yield new Uint8Array((512 - (entry.size % 512)) % 512)
  }
}

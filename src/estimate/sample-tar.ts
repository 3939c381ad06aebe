import type { Compression } from '../formats/codec/decoder.ts'
import { openDecoder } from '../formats/layer-decoder.ts'
import type { TarEntry } from '../formats/tar/entry.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { encodeHeader, END_OF_TAR, paddingSize } from '../formats/tar/writer.ts'

/** Where the tar in the first bytes of a layer can be ended. */
export interface TarCut {
  /** Bytes of the tar to the end of the last entry that is whole; its padding may be missing. */
  end: number
  /** A file of which only the first bytes came: its entry, where its content begins, and how many bytes of it there are. */
  partial: { entry: TarEntry; start: number; length: number } | undefined
  compression: Compression
  /** Bytes of the layer as stored that were used, and of the tar that came out of them. */
  stored: number
  produced: number
}

/** Decodes the first bytes of a layer, in `pieces`. Throws FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED. */
export function* decodedPrefix(pieces: Iterable<Uint8Array>, what: string): Generator<Uint8Array> {
  const decoder = openDecoder({ what })
  try {
    for (const piece of pieces) {
      decoder.push(piece)
      for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) yield bytes
    }
  } finally {
    decoder.close()
  }
}

/** Finds out how far the first bytes of a layer reach. Throws FORMAT_INVALID, FORMAT_LIMIT_EXCEEDED. */
export function findCut(pieces: readonly Uint8Array[], what: string): TarCut {
  const decoder = openDecoder({ what })
  const reader = new TarReader({ what })
  let end = 0
  let last: { entry: TarEntry; start: number; length: number } | undefined
  const read = (): void => {
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'data' && last !== undefined) last.length += event.bytes.length
      if (event.type === 'entry') {
        const { entry, header } = event
        last = { entry, start: entry.offset + header.length, length: 0 }
      }
      if (last !== undefined && last.length === last.entry.size) end = reader.offset
    }
  }
  try {
    for (const piece of pieces) {
      decoder.push(piece)
      for (let bytes = decoder.next(); bytes !== undefined; bytes = decoder.next()) {
        reader.push(bytes)
        read()
      }
    }
    const { compression = 'none', consumed, produced } = decoder
    const cut = last !== undefined && last.length > 0 && last.length < last.entry.size
    // what is stored of such a file is not what is read of it
    const usable = cut && !last!.entry.sparse && !last!.entry.fromGlobal
    return { end, partial: usable ? last : undefined, compression, stored: consumed, produced }
  } finally {
    decoder.close()
  }
}

/**
 * The first bytes of a layer as a tar that is whole: entries as they are, a file that does not end in them with what there
 * is of it, and the end of a tar. Pieces are valid until the next. Throws as `findCut`.
 */
export function* sampleTar(
  pieces: readonly Uint8Array[],
  { end, partial }: TarCut,
  what: string,
): Generator<Uint8Array> {
  let at = 0
  const whole = partial === undefined ? end : partial.entry.offset
  const stop = partial === undefined ? end : partial.start + partial.length
  for (const bytes of decodedPrefix(pieces, what)) {
    const from = at
    at += bytes.length
    if (from < whole) yield bytes.subarray(0, whole - from)
    if (partial !== undefined && at > partial.start) {
      const { entry, start, length } = partial
      if (from <= start) yield encodeHeader({ ...entry, size: length })
      const content = bytes.subarray(Math.max(0, start - from), stop - from)
      if (content.length > 0) yield content
    }
    if (at >= stop) break
  }
  yield END_OF_TAR.subarray(0, paddingSize(partial?.length ?? stop))
  yield END_OF_TAR
}

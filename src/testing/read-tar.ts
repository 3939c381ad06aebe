import type { TarEntry, TarEvent } from '../formats/tar/entry.ts'
import type { TarLimits } from '../formats/tar/limits.ts'
import { TarReader } from '../formats/tar/reader.ts'

/** An entry as read, with copies of what its events showed. */
export interface ReadEntry {
  entry: TarEntry
  header: Buffer
  content: Buffer
}

export interface ReadTar {
  entries: ReadEntry[]
  trailing: number
}

export interface ReadTarInit {
  /** Bytes of each piece, over and over; one piece where not given. */
  pieces?: readonly number[]
  limits?: Partial<TarLimits>
  /** Content is counted, not kept. */
  discard?: boolean
}

/** Cuts bytes into pieces of the given sizes, over and over. Each is a copy of its own. */
export function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length] ?? bytes.length)
    yield new Uint8Array(bytes.subarray(at, at + size))
    at += size
  }
}

/** The events of a tar, cut into pieces of the given sizes. */
export function* readEvents(tar: Uint8Array, pieces: readonly number[] = []): Generator<TarEvent> {
  const reader = new TarReader({ what: 'test' })
  for (const piece of cut(tar, pieces)) {
    reader.push(piece)
    for (let event = reader.next(); event !== undefined; event = reader.next()) yield event
  }
  reader.end()
  for (let event = reader.next(); event !== undefined; event = reader.next()) yield event
}

/**
 * Reads a whole tar. Each piece is overwritten as soon as the reader is done with it, so that a view kept too long
 * shows.
 */
export function readTar(tar: Uint8Array, init: ReadTarInit = {}): ReadTar {
  const limits = init.limits === undefined ? {} : { limits: init.limits }
  const reader = new TarReader({ what: 'test', ...limits })
  const pieces = cut(tar, init.pieces ?? [])
  const read: { entry: TarEntry; header: Buffer; content: Uint8Array[] }[] = []
  let piece: Uint8Array | undefined
  for (;;) {
    const event = reader.next()
    if (event === undefined) {
      piece?.fill(0xee)
      piece = pieces.next().value as Uint8Array | undefined
      if (piece === undefined) reader.end()
      else reader.push(piece)
    } else if (event.type === 'entry') {
      read.push({ entry: event.entry, header: Buffer.from(event.header), content: [] })
    } else if (event.type === 'data') {
      if (init.discard !== true) read.at(-1)!.content.push(new Uint8Array(event.bytes))
    } else {
      const entries = read.map((one) => ({ ...one, content: Buffer.concat(one.content) }))
      return { entries, trailing: reader.trailing }
    }
  }
}

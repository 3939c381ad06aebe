import type { Digest } from '../oci/digest.ts'
import { followPath } from '../trace/image-files.ts'
import type { FileRead, Trace } from '../trace/trace.ts'
import type { SeenFiles } from './seen-files.ts'
import type { LayerNeed, Need } from './start-bytes.ts'

/** What a list of reads needs of an image. */
export interface TracedNeed {
  need: Need
  /** Files that are read, and their bytes, or those of the parts that are read. */
  files: number
  bytes: number
  /** Paths that are not in what was seen. */
  missing: string[]
}

interface ReadFile {
  layer: number
  size: number
  /** Absent: all of it. */
  ranges: NonNullable<FileRead['range']>[] | undefined
}

/**
 * What `trace` reads of the layers that `files` shows, whose digests are `layers`. Where some of its paths lie in what was not
 * seen, they are thought to be like the others: `whole` says that there is nothing else.
 */
export function tracedNeed(
  trace: Trace,
  files: SeenFiles,
  layers: readonly Digest[],
  whole: boolean,
): TracedNeed {
  const read = new Map<string, ReadFile>()
  const missing = new Set<string>()
  for (const { path, range } of trace) {
    const found = followPath(files, path)
    const entry = found === undefined ? undefined : files.entry(found)
    const origin = found === undefined ? undefined : files.origin(found)
    if (entry === undefined) missing.add(path)
    if (entry?.kind !== 'file' || origin === undefined) continue
    const key = `${origin.layer} ${origin.path}`
    const known = read.get(key) ?? { layer: origin.layer, size: entry.size, ranges: [] }
    if (range === undefined) known.ranges = undefined
    else known.ranges?.push(range)
    read.set(key, known)
  }
  const all = [...read.values()]
  const unseen = whole || all.length === 0 ? 1 : (all.length + missing.size) / all.length
  const need = new Map<Digest, LayerNeed>()
  for (const [i, digest] of layers.entries()) {
    const own = all.filter(({ layer }) => layer === i)
    need.set(digest, {
      bytes: (chunkSize) => sum(own.map((one) => bytesOf(one, chunkSize))) * unseen,
      runs: (size) => sum(own.map((one) => Math.floor(bytesOf(one, 1) / size) + 1)) * unseen,
    })
  }
  const bytes = sum(all.map((one) => bytesOf(one, 1))) * unseen
  return { need, files: all.length, bytes: Math.round(bytes), missing: [...missing] }
}

/** Bytes of the chunks of a file that are read, each once. */
function bytesOf({ size, ranges }: ReadFile, chunkSize: number): number {
  if (ranges === undefined) return size
  let bytes = 0
  let done = 0
  for (const { offset, length } of ranges.toSorted((a, b) => a.offset - b.offset)) {
    const start = Math.max(done, Math.floor(offset / chunkSize) * chunkSize)
    const end = Math.min(size, Math.ceil((offset + length) / chunkSize) * chunkSize)
    if (end <= start) continue
    bytes += end - start
    done = end
  }
  return bytes
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

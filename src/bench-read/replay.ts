import { newContentHash } from '../formats/listing/content-hash.ts'
import { followPath } from '../trace/image-files.ts'
import type { Trace } from '../trace/trace.ts'
import type { Stopwatch } from './link.ts'
import type { OpenedFile, OpenedImage } from './opened-image.ts'

/** What the reads of a trace came to. */
export interface Replay {
  /** Milliseconds of each read that had something to read. */
  times: number[]
  /** When the first file had been read, by the stopwatch; undefined where none is. */
  firstFileAt: number | undefined
  /** ContentHash of each read; undefined where it is no file, or nothing is known of a part of it. */
  contents: (Uint8Array | undefined)[]
  missing: number
}

/** Does the reads of a trace one after the other, as a program does that waits for each. */
export async function replay(
  image: OpenedImage,
  trace: Trace,
  stopwatch: Stopwatch,
  signal: AbortSignal,
): Promise<Replay> {
  const result: Replay = { times: [], firstFileAt: undefined, contents: [], missing: 0 }
  const hash = newContentHash()
  for (const { path, range } of trace) {
    signal.throwIfAborted()
    const found = followPath(image, path)
    const file = found === undefined ? undefined : image.entry(found)
    if (file?.kind !== 'file') {
      result.missing++
      result.contents.push(undefined)
      continue
    }
    const { offset, length } = within(file, range)
    if (file.content !== undefined || length === 0) {
      result.contents.push(length === file.size ? file.content : undefined)
    } else {
      const start = stopwatch.now()
      for await (const bytes of image.read(found!, offset, length)) hash.update(bytes)
      result.times.push(stopwatch.now() - start)
      result.contents.push(hash.digest())
    }
    result.firstFileAt ??= stopwatch.now()
  }
  return result
}

/** The part of the file that a read gets. */
function within(
  { size }: OpenedFile,
  range: { offset: number; length: number } | undefined,
): { offset: number; length: number } {
  if (range === undefined) return { offset: 0, length: size }
  const offset = Math.min(range.offset, size)
  return { offset, length: Math.min(range.length, size - offset) }
}

/** The value that `share` of the sorted values are no larger than: 0.5 is the median. 0 of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
}

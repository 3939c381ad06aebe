import type { ChunkInfo } from '../formats/nydus-blob/chunk-info.ts'
import type { ReadChunkTable } from '../formats/nydus-blob/chunk-table.ts'
import type { Chunk } from '../formats/nydus-tree/chunk-store.ts'

/**
 * Which bytes nydusd asks for when chunks are read that are not there, by its defaults: it adds what follows, so that a
 * request brings about 1 MiB. Source: nydus api/src/config.rs (default_user_io_batch_size).
 */

/** Stored bytes that a request is extended to. */
export const BATCH_SIZE = 1024 * 1024
/** Bytes between chunks that are fetched along rather than asked around. Source: nydus storage/src/lib.rs (RAFS_BATCH_SIZE_TO_GAP_SHIFT). */
export const MAX_GAP = BATCH_SIZE >> 7

/** One request: a part of the blob, and the indexes of the chunks that are there with it. */
export interface ChunkFetch {
  offset: number
  length: number
  chunks: number[]
}

/** Whether the chunk with this index is there. */
export type IsReady = (index: number) => boolean

/**
 * The requests for chunks of a v6 blob, which one read touches: `wanted` are their indexes in the order of the file.
 * Neighbours are asked for together, and the chunks behind them along, up to BATCH_SIZE stored bytes, whatever file they
 * are of. Source: nydus storage/src/cache/cachedfile.rs (dispatch_backend), meta/mod.rs (_add_more_chunks).
 */
export function planTableFetches(
  table: ReadChunkTable,
  wanted: readonly number[],
  isReady: IsReady,
): ChunkFetch[] {
  const fetches: ChunkFetch[] = []
  const planned = new Set<number>()
  const there: IsReady = (index) => isReady(index) || planned.has(index)
  const place = (index: number): StoredPlace => storedPlace(table, index)
  for (const run of runsOf(wanted, there, place)) {
    if (run.every((index) => planned.has(index))) continue
    const inContexts = table.chunks.at(run[0]!)!.zran !== undefined
    const chunks = inContexts ? contexts(table, run) : extended(table, run, there)
    const start = place(chunks[0]!).offset
    const end = Math.max(...chunks.map((index) => placeEnd(place(index))))
    fetches.push({ offset: start, length: end - start, chunks })
    for (const index of chunks) planned.add(index)
  }
  return fetches
}

/**
 * The requests for chunks of a v5 blob: `wanted` are those of one read, `following` those that a larger read would touch.
 * Of these the ones that lie right behind what is asked for are added, up to BATCH_SIZE stored bytes or to one that is
 * there. Source: nydus rafs/src/metadata/md_v5.rs (merge_chunks_io), storage/src/cache/mod.rs (merge_and_issue).
 */
export function planRecordFetches(
  wanted: readonly Chunk[],
  following: Iterable<Chunk>,
  isReady: (chunk: Chunk) => boolean,
): ChunkFetch[] {
  const fetches: ChunkFetch[] = []
  let open: { fetch: ChunkFetch; end: number } | undefined
  const take = (chunk: Chunk): void => {
    const { compressedOffset: offset, compressedSize: length, index } = chunk
    const gap = open === undefined ? Number.NaN : offset - open.end
    if (open !== undefined && gap >= 0 && gap <= MAX_GAP && open.fetch.length < BATCH_SIZE) {
      open.fetch.length = offset + length - open.fetch.offset
      open.fetch.chunks.push(index)
    } else {
      open = { fetch: { offset, length, chunks: [index] }, end: 0 }
      fetches.push(open.fetch)
    }
    open.end = offset + length
  }
  for (const chunk of wanted) {
    if (isReady(chunk)) open = undefined
    else take(chunk)
  }
  for (const chunk of following) {
    if (open === undefined || open.fetch.length >= BATCH_SIZE) break
    const gap = chunk.compressedOffset - open.end
    if (gap < 0 || gap > MAX_GAP) continue
    if (isReady(chunk)) break
    take(chunk)
  }
  return fetches
}

/** Where a chunk, or the batch or context that it is in, is stored. */
interface StoredPlace {
  offset: number
  size: number
}

function placeEnd({ offset, size }: StoredPlace): number {
  return offset + size
}

function storedPlace(table: ReadChunkTable, index: number): StoredPlace {
  const chunk = table.chunks.at(index)!
  const { compressedOffset: offset, compressedSize: size, batch, zran } = chunk
  if (zran !== undefined) {
    const { inOffset, inLength } = table.zran!.contexts[zran.context]!
    return { offset: inOffset, size: inLength }
  }
  if (batch === undefined) return { offset, size }
  return { offset, size: table.batches![batch.batch]!.compressedSize }
}

/** Chunks that are not there, in runs of neighbours. */
function runsOf(
  wanted: readonly number[],
  isReady: IsReady,
  place: (index: number) => StoredPlace,
): number[][] {
  const runs: number[][] = []
  let run: number[] | undefined
  for (const index of wanted) {
    if (isReady(index)) {
      run = undefined
      continue
    }
    const last = run?.at(-1)
    const next = place(index)
    const near =
      last !== undefined &&
      index > last &&
      next.offset - placeEnd(place(last)) <= MAX_GAP &&
      placeEnd(place(last)) - place(run![0]!).offset < BATCH_SIZE
    if (near) run!.push(index)
    else runs.push((run = [index]))
  }
  return runs
}

/** From the beginning of the batch of the first to the last that fits, or is wanted. */
function extended(table: ReadChunkTable, run: readonly number[], isReady: IsReady): number[] {
  const { chunks } = table
  let first = run[0]!
  while (first > 0 && sameBatch(chunks.at(first - 1)!, chunks.at(first)!)) first--
  const last = run.at(-1)!
  const fetchEnd = chunks.at(run[0]!)!.compressedOffset + BATCH_SIZE
  let end = last
  while (end + 1 < chunks.length) {
    const fits =
      sameBatch(chunks.at(end)!, chunks.at(end + 1)!) ||
      placeEnd(storedPlace(table, end + 1)) <= fetchEnd
    if (!fits) break
    end++
  }
  while (end > last && isReady(end)) end--
  return Array.from({ length: end - first + 1 }, (_, i) => first + i)
}

function sameBatch(a: ChunkInfo, b: ChunkInfo): boolean {
  return a.batch !== undefined && a.batch.batch === b.batch?.batch
}

/** All chunks of the contexts of a run: contexts are larger than what nydusd adds. */
function contexts({ chunks }: ReadChunkTable, run: readonly number[]): number[] {
  const contextOf = (index: number): number | undefined => chunks.at(index)?.zran?.context
  let first = run[0]!
  let last = run.at(-1)!
  while (first > 0 && contextOf(first - 1) === contextOf(first)) first--
  while (last + 1 < chunks.length && contextOf(last + 1) === contextOf(last)) last++
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
}

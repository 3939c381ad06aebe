import { createHash } from 'node:crypto'
import type { InflatedLayer } from '../drivers/estargz/inflated-layer.ts'
import { memberDecoder, type MemberFormat } from '../drivers/estargz/inflate-member.ts'
import { isAccelError } from '../errors/accel-error.ts'
import { isOfTheFormat } from '../formats/estargz/layout.ts'
import { CONTENT_DIGESTER } from '../formats/listing/content-hash.ts'
import { Listing } from '../formats/listing/listing.ts'
import { digestFunction } from '../formats/nydus-blob/chunk-digest.ts'
import { digestFrom } from '../oci/digest.ts'
import { Findings } from './finding.ts'
import { annotationProblems } from './layer-annotations.ts'
import { openLazyLayer, type LazyLayerInit, type LazyLayerView } from './lazy-layer.ts'
import type { MemberSource } from './member-runs.ts'
import { TocRowCheck, type KnownDigests } from './toc-rows.ts'

const DIGEST_SIZE = 32
const HEX_SIZE = 64
/** Bytes that are read at a time. */
const READ_SIZE = 256 * 1024

/**
 * As `readLazyLayer`, of a blob whose members were inflated when they were written: the file must have the same bytes,
 * and its rows must point at what came out of them. Undefined where anything is wrong, or not as the writers here make
 * it: who reads the blob says what it is. It must have no tar-split. Memory: the largest run of members.
 */
export async function viewInflated(
  source: MemberSource,
  inflated: InflatedLayer,
  init: LazyLayerInit,
): Promise<LazyLayerView | undefined> {
  try {
    if (!hasRuns(source, inflated)) return undefined
    const opened = await openLazyLayer(source, init)
    const { tocOffset } = opened
    if ('tarSplit' in opened && opened.tarSplit !== undefined) return undefined
    const format = init.format === 'estargz' ? 'gzip' : 'zstd'
    if (tocOffset !== (inflated.runs.at(-1) ?? 0)) return undefined
    if (!(await hasRest(source, tocOffset, format, inflated))) return undefined
    const findings = new Findings()
    const rows = new TocRowCheck(opened.toc.entries, findings)
    if (!pointAt(rows, tocOffset, inflated)) return undefined
    const lazy = rows.listing(isOfTheFormat)
    const { what, annotations } = init
    const problems = annotations === undefined ? [] : annotationProblems(annotations, inflated.size)
    for (const problem of problems) findings.add(what, problem)
    if (findings.count > 0) return undefined
    const { listing, diffId } = inflated
    return { lazy, ordinary: new Listing(listing), diffId, findings }
  } catch (error) {
    if (isAccelError(error)) return undefined
    throw error
  }
}

/** Whether the file has the runs of members as they were inflated. */
function hasRuns(source: MemberSource, { runs, runDigests }: InflatedLayer): boolean {
  const digest = digestFunction(CONTENT_DIGESTER)
  let buffer = new Uint8Array(0)
  let start = 0
  for (const [i, end] of runs.entries()) {
    if (end > source.size) return false
    if (end - start > buffer.length) buffer = new Uint8Array(end - start)
    const run = buffer.subarray(0, end - start)
    source.readInto(start, run)
    const want = runDigests.subarray(i * DIGEST_SIZE, (i + 1) * DIGEST_SIZE)
    if (Buffer.compare(digest(run), want) !== 0) return false
    start = end
  }
  return true
}

/** Whether what follows the members is the rest of the tar, and nothing else. */
async function hasRest(
  source: MemberSource,
  start: number,
  format: MemberFormat,
  { rest }: InflatedLayer,
): Promise<boolean> {
  const decoder = memberDecoder(format, 'the rest')
  const hash = createHash('sha256')
  const drain = (): void => {
    for (let out = decoder.next(); out !== undefined; out = decoder.next()) hash.update(out)
  }
  try {
    for (let at = start; at < source.size; at += READ_SIZE) {
      decoder.push(await source.read(at, Math.min(READ_SIZE, source.size - at)))
      drain()
    }
    decoder.end()
    drain()
  } finally {
    decoder.close()
  }
  return digestFrom(hash) === rest
}

/** Holds rows to what came out of members; false where one points at what no member or part begins with. */
function pointAt(rows: TocRowCheck, tocOffset: number, inflated: InflatedLayer): boolean {
  const { members, files, contents, size } = inflated
  let at = 0
  for (const { start } of rows.members(tocOffset)) {
    while (at < members.length && members[at]! < start) at += 2
    if (members[at] !== start) return false
    rows.memberBegins(start, members[at + 1]!)
  }
  if (!rows.known(size, digestsOf(inflated))) return false
  for (let i = 0; i < files.length; i += 2) {
    const content = contents.subarray((i / 2) * DIGEST_SIZE, (i / 2 + 1) * DIGEST_SIZE)
    rows.tarFile(files[i]!, files[i + 1]!, content)
  }
  return true
}

function digestsOf({ parts, digests, wholes }: InflatedLayer): KnownDigests {
  let at = 0
  return {
    part(start, size) {
      while (at < parts.length && parts[at]! < start) at += 2
      if (parts[at] !== start || parts[at + 1] !== size) return undefined
      const from = (at / 2) * HEX_SIZE
      return digests.slice(from, from + HEX_SIZE)
    },
    file: (start) => wholes.get(start),
  }
}

import { isOfTheFormat } from '../formats/estargz/layout.ts'
import { openEstargz, type Estargz, type ReadAt } from '../formats/estargz/read.ts'
import type { Listing } from '../formats/listing/listing.ts'
import { TarListing } from '../formats/listing/tar-listing.ts'
import { TarReader } from '../formats/tar/reader.ts'
import { openZstdChunked, type ZstdChunked } from '../formats/zstd-chunked/read.ts'
import { createHash } from 'node:crypto'
import { digestFrom, type Digest } from '../oci/digest.ts'
import type { BatchHost } from '../threads/batch-host.ts'
import { Findings, whileReading } from './finding.ts'
import { annotationProblems } from './layer-annotations.ts'
import { MemberRuns, type MemberSource } from './member-runs.ts'
import { TarSplitCheck } from './tar-split-check.ts'
import { TocRowCheck } from './toc-rows.ts'

export interface LazyLayerInit {
  /** Names the layer in messages. */
  what: string
  format: 'estargz' | 'zstd-chunked'
  /** What the TOC's digest must be, from the annotation. */
  tocDigest?: string
  annotations?: Readonly<Record<string, string>>
}

/** What a layer is, to each of its two kinds of reader. */
export interface LazyLayerView {
  /** To one that reads by the TOC. */
  lazy: Listing
  /** To one that unpacks the tar. */
  ordinary: Listing
  /** Of the tar, which ordinary readers compare with the image config. */
  diffId: Digest
  findings: Findings
}

/**
 * Reads all of an eStargz or zstd:chunked blob once, on the threads of `host`, as both kinds of reader would: each member that a row points to is
 * decompressed on its own, all of them together are the tar, and each digest is that of the bytes. Throws FORMAT_…,
 * CONTENT_DIGEST_MISMATCH where it cannot be read at all; what is only wrong comes as findings.
 */
export async function readLazyLayer(
  host: BatchHost,
  source: MemberSource,
  init: LazyLayerInit,
): Promise<LazyLayerView> {
  const findings = new Findings()
  const opened = await openLazyLayer(source, init)
  const rows = new TocRowCheck(opened.toc.entries, findings)
  const listing = new TarListing({ skip: isOfTheFormat })
  const split = tarSplitCheck(opened, rows, findings)
  const walk = new TarWalk(init.what, rows, listing, split)
  const format = init.format === 'estargz' ? 'gzip' : 'zstd'
  using runs = new MemberRuns(host, {
    what: init.what,
    format,
    source,
    sink: {
      begin({ start }) {
        // Nothing of a file is in the TOC.
        if (start < opened.tocOffset) rows.memberBegins(start, walk.size)
      },
      digest: (part, hex) => rows.setDigest(part, hex),
      take: (bytes) => walk.take(bytes),
      failed: ({ start, end }, error) => whileReading(partName(rows, start, end), error),
    },
  })
  for (const member of rows.members(opened.tocOffset)) await runs.add(member)
  const { tocOffset: start } = opened
  await runs.add({ start, end: source.size, parts: [] })
  await runs.finish()
  walk.finish()
  if (init.annotations !== undefined) {
    for (const problem of annotationProblems(init.annotations, walk.size)) {
      findings.add(init.what, problem)
    }
  }
  return {
    lazy: rows.listing(isOfTheFormat),
    ordinary: listing.finish(),
    diffId: walk.diffId(),
    findings,
  }
}

/** Reads its footer and TOC. Throws FORMAT_…, CONTENT_DIGEST_MISMATCH. */
export function openLazyLayer(
  source: Pick<MemberSource, 'read' | 'size'>,
  init: LazyLayerInit,
): Promise<Estargz | ZstdChunked> {
  const { what, tocDigest, annotations } = init
  const { size } = source
  const readAt: ReadAt = (offset, length) => source.read(offset, length)
  if (init.format === 'zstd-chunked') {
    return openZstdChunked(readAt, { what, size, ...(annotations ? { annotations } : {}) })
  }
  return openEstargz(readAt, { what, size, ...(tocDigest === undefined ? {} : { tocDigest }) })
}

/** For a layer that has a tar-split. */
function tarSplitCheck(
  opened: Estargz | ZstdChunked,
  rows: TocRowCheck,
  findings: Findings,
): TarSplitCheck | undefined {
  if (!('tarSplit' in opened) || opened.tarSplit === undefined) return undefined
  return new TarSplitCheck(opened.tarSplit, (name) => rows.placeOf(name), findings)
}

/** What lies between two offsets of the blob, in paths. */
function partName(rows: TocRowCheck, start: number, end: number): string {
  const [from, to] = [rows.pathAt(start), rows.pathAt(end)]
  if (from === undefined) return 'what precedes the first file'
  return to === undefined || to === from ? from : `from ${from} up to ${to}`
}

/** The tar, as it comes out of the members. */
class TarWalk {
  /** Bytes so far. */
  size = 0
  readonly #hash = createHash('sha256')
  readonly #reader: TarReader
  readonly #rows: TocRowCheck
  readonly #listing: TarListing
  readonly #split: TarSplitCheck | undefined
  #file: { start: number; size: number } | undefined = undefined

  constructor(
    what: string,
    rows: TocRowCheck,
    listing: TarListing,
    split: TarSplitCheck | undefined,
  ) {
    this.#reader = new TarReader({ what })
    this.#rows = rows
    this.#listing = listing
    this.#split = split
  }

  take(bytes: Uint8Array): void {
    this.#hash.update(bytes)
    this.#split?.take(this.size, bytes)
    this.#rows.bytes(this.size, bytes)
    this.size += bytes.length
    this.#reader.push(bytes)
    this.#events()
  }

  finish(): void {
    this.#reader.end()
    this.#events()
    this.#split?.finish()
  }

  diffId(): Digest {
    return digestFrom(this.#hash)
  }

  #events(): void {
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      if (event.type === 'entry') {
        const { entry, header } = event
        const hasContent = entry.type === 'file' && entry.size > 0
        this.#file = hasContent
          ? { start: entry.offset + header.length, size: entry.size }
          : undefined
      }
      const content = this.#listing.take(event)
      if (content === undefined || this.#file === undefined) continue
      this.#rows.tarFile(this.#file.start, this.#file.size, content)
    }
  }
}

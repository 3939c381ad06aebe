/** What a layer thread does for the eStargz driver. */
import { cleanPath } from '../../formats/tar/path.ts'
import { TarReader } from '../../formats/tar/reader.ts'
import type { ListingData } from '../../formats/listing/listing.ts'
import { paddingSize } from '../../formats/tar/writer.ts'
import type { Digest } from '../../oci/digest.ts'
import type { Compression } from '../../oci/media-type.ts'
import { openStreamHash, TwinHash, type StreamHash } from '../../streams/twin-hash.ts'
import type { LayerHost } from '../../threads/layer-host.ts'
import { buffersOf } from '../content-table.ts'
import type { LowerAnswers } from '../layer-content.ts'
import { openBlobFile } from '../blob-file.ts'
import { decodeSource } from '../decode-source.ts'
import { TarLister } from '../tar-lister.ts'
import { InflatedLayerRecord, inflatedBuffers, type InflatedLayer } from './inflated-layer.ts'
import { LayerBuild, type BuiltLayer } from './layer-build.ts'
import type { LazyFormat } from './layer-writer.ts'
import { orderParts, type PrioritizedPath, type TarPart } from './prioritize.ts'
import { openSpool } from './spool.ts'

/** What the main thread says of the layer. */
export interface LayerJobData {
  what: string
  /** How the media type says that the layer is compressed; its first bytes decide. */
  compression: Compression
  diffId: Digest
  ingestPath: string
  list: boolean
  format: LazyFormat
  lower: LowerAnswers | undefined
  prioritized: PrioritizedPath[]
}

/** What it is told in the end. */
export interface LayerJobResult extends BuiltLayer {
  sourceUncompressedSize: number
  listing?: ListingData
  /** What came out of the blob again, where `list` was asked for and its members gave what they were made of. */
  inflated?: InflatedLayer
}

/** Runs one conversion. */
export async function run(data: LayerJobData, host: LayerHost): Promise<LayerJobResult> {
  try {
    return await convert(data, host)
  } catch (error) {
    // A download that was cut or damaged is found at its end; that then is the error, and can be tried again.
    while ((await host.pull()) !== undefined);
    throw error
  }
}

async function convert(data: LayerJobData, host: LayerHost): Promise<LayerJobResult> {
  const { what, ingestPath, format, lower } = data
  using file = openBlobFile(ingestPath)
  const inflateBack = isReadByRows(data) ? new InflatedLayerRecord(what) : undefined
  // What comes out is far behind what goes in.
  const hash = inflateBack === undefined ? new TwinHash() : apart()
  const write = (bytes: Uint8Array): void => file.write(bytes)
  const output = { write, tarHash: hash.copy, inflateBack }
  const build = new LayerBuild(host, { what, format, lower, output })
  if (data.prioritized.length > 0) {
    const source = await prioritizedFirst(data, host, build, hash)
    return sent(await build.finish(), source, inflateBack, host)
  }
  const tail = await inTarOrder(data, host, build, hash)
  return sent(await build.finish(tail), tail, inflateBack, host)
}

/** The digests of the source's tar and of the result's. */
interface TarHashes {
  original: StreamHash & { settle?(): void }
  copy: StreamHash
}

/** Digests of two streams that are not compared. */
function apart(): TarHashes {
  return { original: openStreamHash(), copy: openStreamHash() }
}

/** Whether the result is verified, and nothing but its rows says how it is to be read; a tar-split is held to all bytes. */
function isReadByRows({ list, format }: LayerJobData): boolean {
  return list && (format.kind === 'estargz' || format.dialect === 'stargz')
}

/** The result, whose tables are moved to the main thread. */
function sent(
  built: BuiltLayer,
  source: DecodedSource,
  record: InflatedLayerRecord | undefined,
  host: LayerHost,
): LayerJobResult {
  host.transfer.push(...buffersOf(built.content))
  const { size, listing } = source
  const inflated = built.blob && record?.finish(built.blob.diffId)
  if (inflated !== undefined) host.transfer.push(...inflatedBuffers(inflated))
  return {
    ...built,
    sourceUncompressedSize: size,
    ...(listing === undefined ? {} : { listing }),
    ...(inflated === undefined ? {} : { inflated }),
  }
}

/** What was found in the source. */
interface DecodedSource {
  /** Bytes of the tar. */
  size: number
  listing?: ListingData
}

/** Reads the source once, and writes as it comes. Gives what it found, and the zeros that the source ends in. */
async function inTarOrder(
  data: LayerJobData,
  host: LayerHost,
  build: LayerBuild,
  hash: TarHashes,
): Promise<DecodedSource & { zeros: number }> {
  await build.landmark(false)
  let zeros = 0
  const lister = data.list ? new TarLister(data.what) : undefined
  const reader = lister ?? new TarReader({ what: data.what })
  const size = await decodeSource(data, host, {
    hash: hash.original,
    warn: (text) => build.warn(text),
    async take(bytes) {
      reader.push(bytes)
      await takeAll(reader, build)
      const last = lastNotZero(bytes)
      zeros = last < 0 ? zeros + bytes.length : bytes.length - 1 - last
      host.progress(build.written)
    },
  })
  reader.end()
  await takeAll(reader, build)
  return { size, zeros, ...(lister && { listing: lister.finish(host) }) }
}

/** Where the last byte is that is not zero, or -1. */
function lastNotZero(bytes: Uint8Array): number {
  let at = bytes.length - 1
  while (at >= 0 && bytes[at] === 0) at--
  return at
}

/** Spools the source, then writes its entries in another order. */
async function prioritizedFirst(
  data: LayerJobData,
  host: LayerHost,
  build: LayerBuild,
  hash: TarHashes,
): Promise<DecodedSource> {
  const { what, prioritized } = data
  using spool = openSpool(data.ingestPath)
  const parts: TarPart[] = []
  const lister = data.list ? new TarLister(what) : undefined
  const scan = lister ?? new TarReader({ what })
  let fixed = false
  const collect = (): void => {
    for (let event = scan.next(); event !== undefined; event = scan.next()) {
      if (event.type !== 'entry') continue
      const { name, type, linkname, offset, fromGlobal, size, sparse } = event.entry
      const last = parts.at(-1)
      if (last) last.end = offset
      fixed ||= fromGlobal || sparse
      const end = offset + event.header.length + size + paddingSize(size)
      parts.push({ path: cleanPath(name), type, linkname, start: offset, end })
    }
  }
  const size = await decodeSource(data, host, {
    hash: hash.original,
    warn: (text) => build.warn(text),
    async take(bytes) {
      spool.write(bytes)
      scan.push(bytes)
      collect()
    },
  })
  scan.end()
  collect()
  const planned = fixed ? 'it has sparse files or global headers' : orderParts(parts, prioritized)
  const unordered = typeof planned === 'string'
  if (unordered) build.warn(`the prioritized files are not put first, because ${planned}`)
  const { first, rest } = unordered ? { first: [], rest: [whole(size)] } : planned
  const reader = new TarReader({ what })
  const copy = async (part: TarPart): Promise<void> => {
    for (const bytes of spool.read(part.start, part.end)) {
      reader.push(bytes)
      await takeAll(reader, build)
      host.progress(build.written)
    }
  }
  for (const part of first) await copy(part)
  await build.landmark(first.length > 0)
  for (const part of joined(rest)) await copy(part)
  reader.end()
  await takeAll(reader, build)
  return { size, ...(lister && { listing: lister.finish(host) }) }
}

/** All of a tar as one part. */
function whole(size: number): TarPart {
  return { path: '', type: 'file', linkname: '', start: 0, end: size }
}

/** Parts that lie behind each other become one. */
function joined(parts: readonly TarPart[]): TarPart[] {
  const runs: TarPart[] = []
  for (const part of parts) {
    const last = runs.at(-1)
    if (last?.end === part.start) last.end = part.end
    else runs.push({ ...part })
  }
  return runs
}

async function takeAll(reader: Pick<TarReader, 'next'>, build: LayerBuild): Promise<void> {
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    const wait = build.take(event)
    if (wait !== undefined) await wait
  }
}

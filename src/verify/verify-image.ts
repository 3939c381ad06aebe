import { createReadStream } from 'node:fs'
import type { LayerView } from '../formats/listing/layer-view.ts'
import type { Comparison } from '../formats/listing/compare.ts'
import type { ListingData } from '../formats/listing/listing.ts'
import { isChecked, type CheckedBlob } from '../formats/nydus-blob/checked-blob.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { LayerKey } from '../formats/ocicrypt/layer-cipher.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { hexOf, type Digest } from '../oci/digest.ts'
import { isEncryptedType, layerType } from '../oci/media-type.ts'
import type { ByteSource } from '../streams/byte-source.ts'
import { moduleBeside } from '../threads/start-thread.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { ViewFormat } from './allowances.ts'
import type { CompareJobData, CompareJobResult } from './compare-job.ts'
import { isEmptyMark, layerKind, referredLayer } from './layer-kind.ts'
import { viewLayer } from './view-layer.ts'
import type { NydusImageJobData, NydusImageJobResult } from './nydus-image-job.ts'
import { NO_BOOTSTRAP, nydusLayerProblems } from './nydus-layers.ts'
import { emptyReport, type VerifyReport } from './report.ts'

const LIST_LAYER = moduleBeside(import.meta.url, './list-layer-job')
const NYDUS_IMAGE = moduleBeside(import.meta.url, './nydus-image-job')
const COMPARE = moduleBeside(import.meta.url, './compare-job')

/** Jobs here read files and use no batch threads. */
const NO_SLABS = { input: 0, output: 0 }

/** A layer of the image that is verified. */
export interface VerifiedLayer {
  descriptor: Descriptor
  diffId: Digest
  /** The file of its blob, whose digest and size are known to be right; absent for a layer of the source. */
  path?: string
  /** The file of the layer that it refers to, the same. */
  referred?: string
  /** What the source layer holds that it was made of; without a `path` it is that layer itself. */
  listing?: ListingData
  /** How its readers see it, where that is known. */
  view?: LayerView
  /** Its chunks were read back before. */
  checkedBlob?: CheckedBlob
  /** What it is decrypted with. */
  key?: LayerKey
}

export interface VerifyInit {
  /** Names the image in messages. */
  what: string
  threads: ThreadPool
  signal: AbortSignal
  /** Files of bootstraps that say where chunks are in blobs that are not among the layers. @default none */
  dictionary?: readonly string[]
}

/** The layers of an ordinary image, the lowest first, as they are stored. */
export interface OrdinaryLayer {
  what: string
  descriptor: Descriptor
  diffId: Digest
  open(signal: AbortSignal): ByteSource
}

/** What ordinary layers hold. Throws CONTENT_…, FORMAT_…, IMAGE_DIFF_ID_MISMATCH. */
export function listLayer(
  { what, descriptor, diffId, open }: OrdinaryLayer,
  { threads, signal }: VerifyInit,
): Promise<ListingData> {
  const compression = layerType(descriptor.mediaType)?.compression ?? 'none'
  return threads.run<ListingData>({
    what,
    call: { module: LIST_LAYER, data: { what, diffId, compression } },
    open,
    slabSize: NO_SLABS,
    signal,
  })
}

/**
 * Compares an image with what its source layers hold, path by path, as the readers of its format see it: all of its
 * blobs are read and decompressed once, on layer threads. What is wrong is in the report. Throws what cannot be read at
 * all: FORMAT_…, CONTENT_….
 */
export async function verifyImage(
  source: readonly ListingData[],
  layers: readonly VerifiedLayer[],
  init: VerifyInit,
): Promise<VerifyReport> {
  const run = new Verification(source, layers, init)
  const kinds = layers.map(({ descriptor }) => layerKind(descriptor))
  if (kinds.includes('nydus-bootstrap')) await run.nydus()
  else if (kinds.includes('nydus-blob')) run.noBootstrap()
  else await run.layered(kinds.includes('zstd-chunked') ? 'zstd-chunked' : 'estargz')
  return run.report
}

class Verification {
  readonly report: VerifyReport = emptyReport()
  readonly #source: readonly ListingData[]
  readonly #layers: readonly VerifiedLayer[]
  readonly #init: VerifyInit

  constructor(source: readonly ListingData[], layers: readonly VerifiedLayer[], init: VerifyInit) {
    this.#source = source
    this.#layers = layers
    this.#init = init
  }

  async nydus(): Promise<void> {
    const blobs = new Map<string, string>()
    const checked = new Map<string, CheckedBlob>()
    let bootstrap = ''
    let key: LayerKey | undefined
    for (const layer of this.#layers) {
      const { descriptor, path, referred } = layer
      if (path === undefined) continue
      if (referred !== undefined) blobs.set(hexOf(referredLayer(descriptor)!), referred)
      if (layerKind(descriptor) === 'nydus-bootstrap') {
        bootstrap = path
        key = layer.key
        this.#checkReadable(layer)
        continue
      }
      const id = hexOf(descriptor.digest)
      blobs.set(id, path)
      if (isChecked(layer.checkedBlob, descriptor.digest)) checked.set(id, layer.checkedBlob!)
    }
    const { what, dictionary = [] } = this.#init
    const data: NydusImageJobData = {
      what,
      source: [...this.#source],
      bootstrap,
      blobs,
      checked,
      dictionary,
      ...(key && { key }),
    }
    const view = await this.#run<NydusImageJobResult>(NYDUS_IMAGE, data)
    this.#found(view.findings, view.count)
    const problems = nydusLayerProblems(this.#layers, view)
    this.#found(problems, problems.length)
    this.#compared(view.comparison, 'nydus')
  }

  noBootstrap(): void {
    this.#found([NO_BOOTSTRAP], 1)
  }

  #checkReadable({ descriptor: { digest, mediaType }, key }: VerifiedLayer): void {
    if (key !== undefined || !isEncryptedType(mediaType)) return
    const what = `${this.#init.what} layer ${digest}`
    throw new AccelError('IMAGE_LAYER_ENCRYPTED', { what, mediaType })
  }

  /** eStargz and zstd:chunked: two views of each layer. What is not lazy is the same in both. */
  async layered(format: 'estargz' | 'zstd-chunked'): Promise<void> {
    const shown = this.#layers.filter(({ descriptor }) => !isEmptyMark(descriptor))
    const views = await Promise.all(shown.map((layer) => this.#view(layer)))
    const isLazy = views.some((view) => view.lazy !== undefined)
    if (views.length === this.#source.length && views.every(({ same }) => same)) {
      // What is the same layer by layer is the same once the layers are laid over each other.
      const paths = this.#source.reduce((sum, { count }) => sum + count, 0)
      if (isLazy) this.report.views.push({ reader: format, paths, differences: [] })
      this.report.views.push({ reader: 'ordinary', paths, differences: [] })
      return
    }
    const lazy = views.map((view) => view.lazy ?? view.ordinary)
    if (isLazy) await this.#compare(lazy, format)
    await this.#compare(
      views.map((view) => view.ordinary),
      'ordinary',
    )
  }

  async #view(
    layer: VerifiedLayer,
  ): Promise<{ lazy?: ListingData; ordinary: ListingData; same: boolean }> {
    const { descriptor, diffId, path, listing } = layer
    if (path === undefined) return { ordinary: listing!, same: true }
    const what = `${this.#init.what} layer ${descriptor.digest}`
    const view = layer.view ?? (await viewLayer({ what, descriptor, path }, listing, this.#init))
    if (view === undefined) {
      this.report.notes.push(`layer ${descriptor.digest} is not lazy`)
      const open = (): ByteSource => createReadStream(path)
      const ordinary = await listLayer({ what, descriptor, diffId, open }, this.#init)
      return { ordinary, same: false }
    }
    this.#found(view.findings, view.count)
    if (view.diffId !== diffId) {
      const problem = `the config says that its diffID is ${diffId}, its tar has ${view.diffId}`
      this.#found([{ path: descriptor.digest, problem }], 1)
    }
    return {
      lazy: view.lazy ?? listing!,
      ordinary: view.ordinary ?? listing!,
      same: view.lazy === undefined && view.ordinary === undefined,
    }
  }

  async #compare(target: ListingData[], format: ViewFormat): Promise<void> {
    const data: CompareJobData = { source: [...this.#source], target, format }
    const result = await this.#run<CompareJobResult>(COMPARE, data)
    const { problems } = result
    this.#compared(result, format)
    this.#found(
      problems.map((problem) => ({ path: 'layers', problem })),
      problems.length,
    )
  }

  #compared({ paths, differences, count }: Comparison, reader: ViewFormat): void {
    this.report.views.push({ reader, paths, differences })
    this.report.problems += count
  }

  #found(findings: VerifyReport['findings'], count: number): void {
    this.report.findings.push(...findings)
    this.report.problems += count
  }

  #run<Result>(module: string, data: unknown): Promise<Result> {
    const { threads, what, signal } = this.#init
    const call = { module, data }
    return threads.run<Result>({ what, call, open: nothing, slabSize: NO_SLABS, signal })
  }
}

/** The source of jobs that read files. */
async function* nothing(): AsyncGenerator<Uint8Array> {}

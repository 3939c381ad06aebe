/** What a layer thread does to read an eStargz or zstd:chunked layer as its readers do. */
import type { ListingData } from '../formats/listing/listing.ts'
import type { Digest } from '../oci/digest.ts'
import type { LayerHost } from '../threads/layer-host.ts'
import type { InflatedLayer } from '../drivers/estargz/inflated-layer.ts'
import { openFile } from '../drivers/file-source.ts'
import type { Finding } from './finding.ts'
import { viewInflated } from './inflated-view.ts'
import { readLazyLayer, type LazyLayerInit } from './lazy-layer.ts'
import { transferred } from './listing-data.ts'

/** The blob is a file. */
export interface LazyLayerJobData extends LazyLayerInit {
  path: string
  /** What came out of it while it was made. */
  inflated?: InflatedLayer | undefined
}

export interface LazyLayerJobResult {
  lazy: ListingData
  ordinary: ListingData
  diffId: Digest
  findings: Finding[]
  /** How many there are; `findings` are the first of them. */
  count: number
}

/** Reads all of the blob once; where it is known what it inflates to, and that it is right, its data is not inflated. */
export async function run(
  { path, inflated, ...init }: LazyLayerJobData,
  host: LayerHost,
): Promise<LazyLayerJobResult> {
  using file = openFile(path, init.what)
  const view =
    (inflated && (await viewInflated(file, inflated, init))) ??
    (await readLazyLayer(host, file, init))
  return {
    lazy: transferred(view.lazy, host),
    ordinary: transferred(view.ordinary, host),
    diffId: view.diffId,
    findings: view.findings.kept,
    count: view.findings.count,
  }
}

/** What a layer thread does to read an eStargz or zstd:chunked layer as its readers do. */
import type { ListingData } from '../formats/listing/listing.ts'
import type { Digest } from '../oci/digest.ts'
import type { LayerHost } from '../threads/layer-host.ts'
import { openFile } from '../drivers/file-source.ts'
import type { Finding } from './finding.ts'
import { readLazyLayer, type LazyLayerInit } from './lazy-layer.ts'
import { transferred } from './listing-data.ts'

/** The blob is a file. */
export interface LazyLayerJobData extends LazyLayerInit {
  path: string
}

export interface LazyLayerJobResult {
  lazy: ListingData
  ordinary: ListingData
  diffId: Digest
  findings: Finding[]
  /** How many there are; `findings` are the first of them. */
  count: number
}

/** Reads all of the blob once. */
export async function run(
  { path, ...init }: LazyLayerJobData,
  host: LayerHost,
): Promise<LazyLayerJobResult> {
  using file = openFile(path, init.what)
  const view = await readLazyLayer(host, file, init)
  return {
    lazy: transferred(view.lazy, host),
    ordinary: transferred(view.ordinary, host),
    diffId: view.diffId,
    findings: view.findings.kept,
    count: view.findings.count,
  }
}

import type { FinishedImage, FinishedLayer, ImageLayer } from '../drivers/image-step.ts'
import { AccelError } from '../errors/accel-error.ts'
import { CONTENT_DIGESTER } from '../formats/listing/content-hash.ts'
import { isChecked } from '../formats/nydus-blob/checked-blob.ts'
import { layerKind, referredLayer } from '../verify/layer-kind.ts'
import { MAX_NAMED, problemLines } from '../verify/report.ts'
import { verifyImage, type VerifiedLayer, type VerifyInit } from '../verify/verify-image.ts'

/** What became of it: the paths compared, or why there was nothing to compare. */
export type Verified = { paths: number } | { unverified: string }

/**
 * Compares an image that is about to be pushed with what its source layers hold, as its readers will see it. Each
 * manifest whose layers no other has is compared. Throws IMAGE_VERIFY_FAILED, and FORMAT_… where our own result cannot
 * be read.
 */
export async function verifyFinished(
  converted: readonly FinishedLayer[],
  finished: FinishedImage,
  init: VerifyInit,
): Promise<Verified> {
  const inPlace = converted.filter(({ result }) => referredLayer(result.descriptor) !== undefined)
  if (inPlace.some(({ result }) => !isChecked(result.checkedBlob, result.descriptor.digest))) {
    return { unverified: 'a layer that stays where it is was not read back' }
  }
  const source = converted.flatMap(({ result }) => result.listing ?? [])
  if (source.length < converted.length) return { unverified: 'a layer of it was not read' }
  const byDigest = new Map(converted.map(({ result }) => [result.descriptor.digest, result]))
  let paths = 0
  const seen = new Set<string>()
  for (const { layers } of finished.manifests) {
    const key = layers.map(({ descriptor }) => descriptor.digest).join()
    if (seen.has(key) || layers.every(isUntouched)) continue
    seen.add(key)
    const own = layers.filter(({ origin }) => origin.kind !== 'image')
    if (own.length < layers.length && CONTENT_DIGESTER !== 'blake3') {
      return {
        unverified: 'blobs of another image are part of it, and BLAKE3 has no native binding',
      }
    }
    const verified = own.map(({ descriptor, diffId, origin, key: secret }): VerifiedLayer => {
      const path = origin.kind === 'file' ? { path: origin.path } : {}
      const layer = byDigest.get(descriptor.digest)
      const view = layer?.view === undefined ? {} : { view: layer.view }
      const listing = layer?.listing === undefined ? {} : { listing: layer.listing }
      const checkedBlob = layer?.checkedBlob && { checkedBlob: layer.checkedBlob }
      return {
        descriptor,
        diffId,
        ...path,
        ...listing,
        ...view,
        ...checkedBlob,
        ...(secret && { key: secret }),
      }
    })
    const described = { ...init, dictionary: finished.dictionary ?? [] }
    const all = [...elsewhere(finished, converted), ...verified]
    const report = await verifyImage(source, all, described)
    if (report.problems > 0) {
      throw new AccelError('IMAGE_VERIFY_FAILED', {
        what: init.what,
        count: report.problems,
        first: problemLines(report).slice(0, MAX_NAMED),
      })
    }
    paths += report.views.reduce((sum, view) => sum + view.paths, 0)
  }
  return { paths }
}

/** Converted layers that are kept elsewhere and that no manifest names. */
function elsewhere(
  { blobs = [] }: FinishedImage,
  converted: readonly FinishedLayer[],
): VerifiedLayer[] {
  const kept = new Set(blobs.map(({ descriptor }) => descriptor.digest))
  return converted.flatMap(({ result: { descriptor, diffId, checkedBlob }, path }) =>
    path !== undefined && kept.has(descriptor.digest)
      ? [{ descriptor, diffId, path, ...(checkedBlob && { checkedBlob }) }]
      : [],
  )
}

/** The source's own layer, or one that only keeps the image apart from its source. */
function isUntouched({ descriptor, origin }: ImageLayer): boolean {
  return origin.kind !== 'file' && layerKind(descriptor) === 'ordinary'
}

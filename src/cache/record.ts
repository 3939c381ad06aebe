import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Descriptor } from '../oci/descriptor.ts'
import { isDigest, type Digest } from '../oci/digest.ts'

/**
 * Annotations of a cache image. The first two are upstream's: goharbor/acceleration-service pkg/cache/cache.go and
 * nydus-snapshotter pkg/converter/constant.go; the others are ours, and nothing to upstream.
 */
export const CACHE_VERSION = 'containerd.io/snapshot/nydus-cache-version'
export const SOURCE_DIGEST = 'containerd.io/snapshot/nydus-source-digest'
export const TARGET_DIGEST = 'containerd.io/snapshot/nydus-target-digest'
export const UNCOMPRESSED = 'containerd.io/uncompressed'
const OWN = 'io.goharbor.acceleration-service.cache.'
export const RECIPE = `${OWN}recipe`
export const FACTS = `${OWN}facts`
export const SEAL = `${OWN}seal`

/** What stands for a source layer. */
export interface CacheRecord {
  /** The source layer, as stored. */
  source: Digest
  /** The converted layer as it stands in a manifest; without annotations of the cache. */
  target: Descriptor
  /** What it was made by: driver, version and options; absent in records of upstream. */
  recipe?: string
  /** What else is known of the layer: JSON, the converter's own. */
  facts?: string
  /** HMAC of all this by the key of the service that wrote it. */
  seal?: string
}

/** The record as a layer of a cache manifest. */
export function encodeRecord({ source, target, recipe, facts, seal }: CacheRecord): Descriptor {
  return {
    ...target,
    annotations: {
      ...target.annotations,
      [SOURCE_DIGEST]: source,
      ...(recipe === undefined ? {} : { [RECIPE]: recipe }),
      ...(facts === undefined ? {} : { [FACTS]: facts }),
      ...(seal === undefined ? {} : { [SEAL]: seal }),
    },
  }
}

/** The record that a layer of a cache manifest is, or undefined where it names no source. */
export function decodeRecord(layer: Descriptor): CacheRecord | undefined {
  const all = layer.annotations ?? {}
  const source = all[SOURCE_DIGEST]
  if (!isDigest(source)) return undefined
  const own = new Set([SOURCE_DIGEST, TARGET_DIGEST, UNCOMPRESSED, RECIPE, FACTS, SEAL])
  const kept = Object.entries(all).filter(([key]) => !own.has(key))
  const { annotations: _, ...rest } = layer
  const target: Descriptor = {
    ...rest,
    ...(kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) }),
  }
  const [recipe, facts, seal] = [all[RECIPE], all[FACTS], all[SEAL]]
  return {
    source,
    target,
    ...(recipe === undefined ? {} : { recipe }),
    ...(facts === undefined ? {} : { facts }),
    ...(seal === undefined ? {} : { seal }),
  }
}

/** The record with the seal of `key`. */
export function sealed(record: CacheRecord, key: string): CacheRecord {
  return { ...record, seal: sealOf(record, key) }
}

/** Whether the record was sealed by `key`: nobody who does not have it can have made it. */
export function isSealed(record: CacheRecord, key: string): boolean {
  const want = Buffer.from(sealOf(record, key))
  const got = Buffer.from(record.seal ?? '')
  return want.length === got.length && timingSafeEqual(want, got)
}

function sealOf({ source, target, recipe = '', facts = '' }: CacheRecord, key: string): string {
  const { mediaType, digest, size, annotations = {} } = target
  const pairs = Object.entries(annotations).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const all = JSON.stringify([source, mediaType, digest, size, pairs, recipe, facts])
  return createHmac('sha256', key).update(all).digest('hex')
}

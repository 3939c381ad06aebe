import { setTimeout as sleep } from 'node:timers/promises'
import { isAccelError } from '../errors/accel-error.ts'
import type { Log } from '../log/log.ts'
import type { Descriptor, Platform } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import { OCI_CONFIG } from '../oci/media-type.ts'
import { formatPlatform } from '../oci/platform.ts'
import { bytesFrom } from '../streams/byte-source.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'
import {
  CACHE_CONFIG,
  readCacheImage,
  recordsOf,
  updatedCache,
  versionOf,
  type CacheImage,
  type PlatformRecords,
} from './cache-image.ts'
import { isSealed, sealed, type CacheRecord } from './record.ts'

/** Where a cache image is, and what of it may be used. */
export interface RemoteCacheInit {
  /** The repository, read and written. */
  source: ImageSource
  target: ImageTarget
  tag: string
  /** For messages: `host/repository:tag`. */
  name: string
  /** Records of other versions are not used. */
  version: string
  /** Most records of a platform. */
  size: number
  /** Records that were not sealed by it are not used; records that are written are sealed by it. */
  key?: string
  log: Log
}

/** Writers of one tag in this process, one after the other. */
const writers = new Map<string, Promise<void>>()

const MAX_ATTEMPTS = 6
/** After so long it is looked whether another writer has taken our records away. Milliseconds, at most. */
const SETTLE_MS = 400

/** Layers that were converted before, by whoever, as a cache image in the registry says. */
export class RemoteCache {
  readonly #init: RemoteCacheInit

  constructor(init: RemoteCacheInit) {
    this.#init = init
  }

  get name(): string {
    return this.#init.name
  }

  /**
   * The records for one platform: none where there is no cache image, or none of this version. A cache that cannot be
   * read is none, with a line in the log.
   */
  async read(platform: Platform, signal: AbortSignal): Promise<CacheRecord[]> {
    const { name, log, version, key } = this.#init
    log.info(`pulling cache ${name}`)
    const image = await this.#image(signal).catch((error: unknown) => {
      signal.throwIfAborted()
      log.warn(`the cache ${name} could not be read`, { error })
      return undefined
    })
    if (image === undefined) return []
    log.info(`pulled cache ${name}`)
    const records: CacheRecord[] = []
    for (const { manifest, platform: its } of image.members) {
      if (its !== undefined && formatPlatform(its) !== formatPlatform(platform)) continue
      const found = versionOf(manifest)
      if (found !== version) {
        log.warn(`ignore cache ${name}, unmatched version: ${found}, expected: ${version}`)
        continue
      }
      records.push(...recordsOf(manifest))
    }
    if (key === undefined) return records
    const own = records.filter((record) => isSealed(record, key))
    if (own.length < records.length) {
      log.warn(
        `${records.length - own.length} records of the cache ${name} were made by others and are not used`,
      )
    }
    return own
  }

  /**
   * Adds records and moves those that were used to the front. Writers take turns: those of this process exactly, others
   * by looking again whether their records are there. Throws REGISTRY_…, CONTENT_….
   */
  async write(additions: readonly PlatformRecords[], signal: AbortSignal): Promise<void> {
    const { name, key, log } = this.#init
    log.info(`pushing cache ${name}`)
    const own =
      key === undefined
        ? additions
        : additions.map(({ platform, records }) => ({
            platform,
            records: records.map((record) => sealed(record, key)),
          }))
    const before = writers.get(name) ?? Promise.resolve()
    const turn = before.then(() => this.#writeAll(own, signal))
    const settled = turn.catch(() => undefined)
    writers.set(name, settled)
    try {
      await turn
      log.info(`pushed cache ${name}`)
    } finally {
      if (writers.get(name) === settled) writers.delete(name)
    }
  }

  async #writeAll(additions: readonly PlatformRecords[], signal: AbortSignal): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const image = await this.#image(signal)
      if (image !== undefined && attempt > 0 && this.#has(image, additions)) return
      const root = await this.#push(image, additions, signal)
      if (root === undefined) continue
      await sleep(Math.random() * SETTLE_MS, undefined, { signal })
      const now = await this.#init.target.find(this.#init.tag, { signal })
      if (now?.digest === root.digest) return
    }
    this.#init.log.warn(`the cache ${this.#init.name} is written by others all the time`)
  }

  /** Pushes the image with the records; undefined where somebody else wrote the tag meanwhile. */
  async #push(
    image: CacheImage | undefined,
    additions: readonly PlatformRecords[],
    signal: AbortSignal,
  ): Promise<Descriptor | undefined> {
    const { target, tag, version, size } = this.#init
    const config = {
      mediaType: OCI_CONFIG,
      digest: digestOf(CACHE_CONFIG),
      size: CACHE_CONFIG.length,
    }
    await target.pushBlob(config, (offset) => bytesFrom(CACHE_CONFIG.subarray(offset)), { signal })
    const documents = updatedCache(image, additions, { version, size })
    const root = documents.at(-1)!
    if (root.descriptor.digest === image?.root.digest) return root.descriptor
    for (const { bytes, descriptor } of documents.slice(0, -1)) {
      await target.pushManifest(bytes, descriptor, { signal })
    }
    const now = await target.find(tag, { signal })
    if (now?.digest !== image?.root.digest) return undefined
    await target.pushManifest(root.bytes, root.descriptor, { signal, tag })
    return root.descriptor
  }

  #has(image: CacheImage, additions: readonly PlatformRecords[]): boolean {
    const there = new Set(image.members.flatMap(({ manifest }) => recordsOf(manifest).map(keyOf)))
    return additions.every(({ records }) => records.every((record) => there.has(keyOf(record))))
  }

  /** The cache image, or undefined where there is none, or something else under its tag. */
  async #image(signal: AbortSignal): Promise<CacheImage | undefined> {
    const { source, tag, name, log } = this.#init
    let root: Descriptor
    try {
      root = await source.resolve(tag, { signal })
    } catch (error) {
      if (!isAccelError(error, 'CONTENT_NOT_FOUND')) throw error
      log.info(`cache ${name} not found`)
      return undefined
    }
    return readCacheImage(source, root, { signal })
  }
}

function keyOf({ source, recipe = '', target }: CacheRecord): string {
  return `${source} ${recipe} ${target.digest}`
}

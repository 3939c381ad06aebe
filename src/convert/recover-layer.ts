import { open } from 'node:fs/promises'
import type { CacheRecord } from '../cache/record.ts'
import { noContent } from '../drivers/content-table.ts'
import { contentOfListing } from '../drivers/listed-content.ts'
import type { LowerQuestion } from '../drivers/layer-content.ts'
import type { LayerInput } from '../drivers/driver.ts'
import type { LayerResult } from '../drivers/layer-result.ts'
import { AccelError } from '../errors/accel-error.ts'
import type { LayerView } from '../formats/listing/layer-view.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { digestOf } from '../oci/digest.ts'
import type { ThreadPool } from '../threads/pool.ts'
import type { ImageSource } from '../transport/image-transport.ts'
import { layerKind } from '../verify/layer-kind.ts'
import { viewLayer } from '../verify/view-layer.ts'

/** A layer that the cache had. */
export interface RecoveredLayer {
  result: LayerResult
  /** What it was found by; it is remembered as it is. */
  record: CacheRecord
}

/** What the cache knows of the layers of one image. */
export interface ImageCache {
  /** The layer as the cache has it, its blob in `path`; undefined where it has none, or none that can be used. */
  recover(
    layer: LayerInput,
    init: { path: string; list: boolean; threads: ThreadPool; signal: AbortSignal },
  ): Promise<RecoveredLayer | undefined>
}

/** What of a layer is kept in a cache record besides its descriptor: short, so that it can be an annotation. */
interface LayerFacts {
  uncompressedSize: number
  sourceUncompressedSize: number
  entries: number
  warnings: string[]
  /** Annotations of the same blob in the manifests of the driver's variants. */
  variants?: Record<string, string>[]
  detail?: unknown
  /** What it must know of the layers below, which are others in another image. */
  questions: LowerQuestion[]
}

/** Longest facts, as JSON: registries take manifests of 4 MiB, and a cache holds hundreds of records. */
const MAX_FACTS = 4096

/** What makes the same layer from the same source: driver, version and options, and the media type of the source. */
export function recipeOf(key: string, { mediaType }: Descriptor): string {
  return digestOf(`${key}|${mediaType}`)
}

/**
 * The record of a layer that was converted without regard to those below it, or undefined where it must not, or cannot,
 * stand for its source elsewhere.
 */
export function recordOf(
  source: Descriptor,
  result: LayerResult,
  recipe: string,
): CacheRecord | undefined {
  const { uncompressedSize, sourceUncompressedSize, entries, warnings, variants, detail } = result
  const { questions } = result.content
  if (result.kept !== undefined || result.unshared === true) return undefined
  if (!questions.every(isPlain)) return undefined
  const facts: LayerFacts = {
    uncompressedSize,
    sourceUncompressedSize,
    entries,
    warnings,
    ...(variants === undefined
      ? {}
      : { variants: variants.map(({ annotations = {} }) => annotations) }),
    ...(detail === undefined ? {} : { detail }),
    questions,
  }
  const text = JSON.stringify(facts)
  if (text.length > MAX_FACTS) return undefined
  return { source: source.digest, target: result.descriptor, recipe, facts: text }
}

/**
 * Pulls the layer of a record into `path`, verified, and finds out about it what a conversion would have told. Throws
 * CONTENT_… where the registry has it no more, FORMAT_… where it is not what the record says.
 */
export async function recoverLayer(
  record: CacheRecord,
  layer: LayerInput,
  from: ImageSource,
  init: { path: string; list: boolean; threads: ThreadPool; signal: AbortSignal },
): Promise<LayerResult> {
  const { target } = record
  const { path, signal } = init
  {
    await using file = await open(path, 'wx', 0o600)
    for await (const bytes of from.blob(target, { signal })) await file.writeFile(bytes)
  }
  const facts = parseFacts(record, layer.what)
  const common = {
    descriptor: target,
    uncompressedSize: facts?.uncompressedSize ?? target.size,
    sourceUncompressedSize: facts?.sourceUncompressedSize ?? 0,
    entries: facts?.entries ?? 0,
    warnings: facts?.warnings ?? [],
    ...(facts?.variants === undefined
      ? {}
      : { variants: facts.variants.map((annotations) => ({ ...target, annotations })) }),
  }
  if (layerKind(target) === 'nydus-blob') {
    const detail = facts?.detail ?? { invented: [], links: [] }
    return { ...common, diffId: target.digest, content: noContent(), detail }
  }
  const what = `${layer.what} from the cache`
  const view = await viewLayer({ what, descriptor: target, path }, undefined, init)
  if (view === undefined || view.count > 0) throw unusable(what, view)
  const { ordinary, lazy, ...rest } = view
  return {
    ...common,
    diffId: view.diffId,
    content: contentOfListing(ordinary!, facts?.questions ?? []),
    // It was compared with its source when it was made; here both of its readers must agree.
    ...(init.list
      ? {
          listing: ordinary!,
          view:
            Buffer.compare(lazy!.bytes, ordinary!.bytes) === 0 ? rest : { ...rest, lazy: lazy! },
        }
      : {}),
  }
}

/** JSON has no maps. */
function isPlain(question: LowerQuestion): boolean {
  return question.about !== 'path' || (question.unless?.xattrs?.size ?? 0) === 0
}

function parseFacts({ facts }: CacheRecord, what: string): LayerFacts | undefined {
  if (facts === undefined) return undefined
  try {
    return JSON.parse(facts) as LayerFacts
  } catch {
    throw unusable(what, undefined)
  }
}

function unusable(what: string, view: LayerView | undefined): AccelError {
  const problem = view?.findings[0]?.problem ?? 'the record does not say what it is'
  return new AccelError('FORMAT_INVALID', { what, format: 'cached layer', offset: 0, problem })
}

import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { KnownResult, ResultIndex } from '../store/result-index.ts'
import type { ImageSource, ImageTarget } from '../transport/image-transport.ts'

/** Where the result of a conversion goes, as far as an earlier result of the same image is concerned. */
export interface ResultPlace {
  target: ImageTarget
  targetTag: string
  /** The target, where it can be read as well. */
  targetAsSource?: ImageSource
}

/** An earlier result that the target still has. */
export interface FoundResult extends KnownResult {
  descriptor: Descriptor
}

/** What this service has made of `source` by `recipe`, if the target still has it. */
export async function findKnownResult(
  place: ResultPlace,
  source: Digest,
  recipe: string,
  results: ResultIndex,
  signal: AbortSignal,
): Promise<FoundResult | undefined> {
  if (place.targetAsSource === undefined) return undefined
  const key = { source, recipe, repository: place.target.name }
  const known = results.find(key)
  if (known === undefined) return undefined
  const descriptor = await place.target.find(known.target, { signal })
  if (descriptor !== undefined) return { ...known, descriptor }
  results.forget(key)
  return undefined
}

/** Lets the target's tag name a manifest that the target has. Nothing is written where it does already. */
export async function moveTag(
  { target, targetTag, targetAsSource }: ResultPlace,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<void> {
  const named = await target.find(targetTag, { signal })
  if (named?.digest === descriptor.digest || targetAsSource === undefined) return
  const bytes = await targetAsSource.manifest(descriptor, { signal })
  await target.pushManifest(bytes, descriptor, { signal, tag: targetTag })
}

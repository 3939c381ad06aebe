import { ACCELERATION_DRIVER_NAME, ACCELERATION_SOURCE_DIGEST } from '../oci/annotation.ts'
import type { Digest } from '../oci/digest.ts'
import { asObject, parseObject } from '../oci/json-document.ts'
import { isTag, type Reference } from '../oci/reference.ts'
import type { RegistryRepository } from '../registry/repository.ts'

/**
 * Says which tags that rules would write have a result of this very image already: a conversion by those rules would not do
 * more than look. Throws REGISTRY_…, CONTENT_….
 */
export async function existingResults(
  repository: RegistryRepository,
  { tag }: Reference,
  source: Digest,
  { suffixes, signal }: { suffixes: readonly string[]; signal: AbortSignal },
): Promise<string[]> {
  const notes: string[] = []
  if (tag === undefined) return notes
  for (const suffix of new Set(suffixes.filter((one) => one !== ''))) {
    if (!isTag(`${tag}${suffix}`)) continue
    const found = await repository.find(`${tag}${suffix}`, { signal })
    if (found === undefined) continue
    const name = `${repository.name}:${tag}${suffix}`
    const document = parseObject(await repository.manifest(found, { signal }), name)
    const annotations = asObject(document['annotations'] ?? {}, name, 'annotations')
    if (annotations[ACCELERATION_SOURCE_DIGEST] !== source) continue
    notes.push(
      `${name} was made of this image already, by ${String(annotations[ACCELERATION_DRIVER_NAME])}`,
    )
  }
  return notes
}

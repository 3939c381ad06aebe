import { open } from 'node:fs/promises'
import { decodeFooter, FOOTER_TAIL } from '../formats/estargz/footer.ts'
import * as chunked from '../formats/zstd-chunked/footer.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Finding } from '../verify/finding.ts'
import { isEmptyMark, layerKind } from '../verify/layer-kind.ts'

/**
 * Says of a layer that it could be read lazily, and that no annotation tells a reader so. `path` is the file of its
 * blob.
 */
export async function lostAnnotations(layer: Descriptor, path: string): Promise<Finding[]> {
  if (layerKind(layer) !== 'ordinary' || isEmptyMark(layer)) return []
  const tail = await tailOf(path, layer.size)
  const estargz = decodeFooter(tail.subarray(-FOOTER_TAIL)) !== undefined
  if (!estargz && chunked.decodeFooter(tail) === undefined) return []
  const format = estargz ? 'eStargz' : 'zstd:chunked'
  const problem = `its blob ends in a footer of ${format}, and no annotation says so: it is not lazy`
  return [{ path: layer.digest, problem }]
}

async function tailOf(path: string, size: number): Promise<Uint8Array> {
  const length = Math.min(size, Math.max(FOOTER_TAIL, chunked.FOOTER_TAIL))
  await using handle = await open(path)
  const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
  return buffer
}

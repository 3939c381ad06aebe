import { FS_VERSION_ANNOTATION } from '../drivers/nydus/annotation.ts'
import type { SourceImage } from '../convert/source-image.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { layerType, type Compression } from '../oci/media-type.ts'
import { layerKind, type LayerKind } from '../verify/layer-kind.ts'
import type { Finding } from '../verify/finding.ts'
import type { TargetImage } from './target-image.ts'

/** What is wrong with what the manifest of a converted image says of itself. */
export function manifestProblems(
  { manifest }: TargetImage,
  { descriptor }: SourceImage,
): Finding[] {
  const problems: string[] = []
  const { subject, annotations, layers } = manifest
  if (subject !== undefined && subject.digest !== descriptor.digest) {
    problems.push(`its subject is ${subject.digest}, its source ${descriptor.digest}`)
  }
  const said = annotations?.[FS_VERSION_ANNOTATION]
  const version = layers.at(-1)?.annotations?.[FS_VERSION_ANNOTATION]
  if (said !== undefined && said !== version) {
    problems.push(
      `its annotation ${FS_VERSION_ANNOTATION} is ${said}, that of its last layer ${version ?? 'missing'}`,
    )
  }
  return [
    ...problems.map((problem) => ({ path: 'manifest', problem })),
    ...layers.flatMap(mediaTypeProblem),
  ]
}

/** How the bytes of lazy layers are compressed, for ordinary clients, which go by the media type. */
const COMPRESSION: Partial<Record<LayerKind, Compression>> = {
  estargz: 'gzip',
  'zstd-chunked': 'zstd',
}

function mediaTypeProblem(layer: Descriptor): Finding[] {
  const { mediaType, digest } = layer
  const wanted = COMPRESSION[layerKind(layer)]
  if (wanted === undefined || layerType(mediaType)?.compression === wanted) return []
  return [
    { path: digest, problem: `its media type is ${mediaType}, its bytes are a tar in ${wanted}` },
  ]
}

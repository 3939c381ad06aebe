import { digestOf, parseDigest } from '../../oci/digest.ts'
import { DOCKER_LAYER_GZIP, DOCKER_MANIFEST, OCI_LAYER_GZIP } from '../../oci/media-type.ts'
import type { ImageLayer, ManifestPlan, SourceImageInput } from '../image-step.ts'
import {
  EMPTY_LAYER_ANNOTATION,
  NYDUS_CONFIG,
  NYDUS_MANIFEST,
  SOURCE_DIGEST_ANNOTATION,
} from './annotation.ts'

/** A tar of two zero blocks in gzip, as Go writes it. Source: goharbor/acceleration-service (generateDockerEmptyLayer). */
const EMPTY_LAYER = Buffer.from(
  '1f8b08000000000000ff621805a360148c5800080000ffff2eafb5ef00040000',
  'hex',
)
/** Digest of 1024 zeros. */
const EMPTY_DIFF_ID = parseDigest(
  'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef',
)

/**
 * The manifests of an index that serves runtimes with and without Nydus: the source with an empty layer below, which
 * gives all its layers other chain ids, so that no snapshot of the one is taken for one of the other; and `plan`, with
 * a config that only those who know Nydus take. Source: goharbor/acceleration-service pkg/driver/nydus (PrependEmptyLayer, makeManifestIndex).
 */
export function besideSource(image: SourceImageInput, plan: ManifestPlan): ManifestPlan[] {
  const { config, manifest, descriptor } = image
  const marks = { [SOURCE_DIGEST_ANNOTATION]: descriptor.digest }
  const mediaType = descriptor.mediaType === DOCKER_MANIFEST ? DOCKER_LAYER_GZIP : OCI_LAYER_GZIP
  const empty: ImageLayer = {
    descriptor: {
      mediaType,
      digest: digestOf(EMPTY_LAYER),
      size: EMPTY_LAYER.length,
      annotations: { [EMPTY_LAYER_ANNOTATION]: 'true' },
    },
    diffId: EMPTY_DIFF_ID,
    origin: { kind: 'bytes', bytes: EMPTY_LAYER },
  }
  const layers = manifest.layers.map((layer, i): ImageLayer => ({
    descriptor: layer,
    diffId: config.rootfs.diff_ids[i]!,
    origin: { kind: 'source' },
  }))
  const added = { created_by: 'Nydus Converter', comment: 'Nydus Empty Layer' }
  const twin: ManifestPlan = {
    layers: [empty, ...layers],
    config: { ...config, history: [added, ...(config.history ?? [])] },
    annotations: marks,
    member: { annotations: marks },
    // Harbor would take it for something that belongs to the source.
    subject: false,
  }
  return [
    twin,
    { ...plan, configMediaType: NYDUS_CONFIG, member: { artifactType: NYDUS_MANIFEST } },
  ]
}

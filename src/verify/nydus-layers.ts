import {
  BLOB_ANNOTATION,
  BOOTSTRAP_ANNOTATION,
  FS_VERSION_ANNOTATION,
  REF_ANNOTATION,
  UNCOMPRESSED_ANNOTATION,
} from '../drivers/nydus/annotation.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { hexOf, type Digest } from '../oci/digest.ts'
import type { Finding } from './finding.ts'
import { layerKind, referredLayer } from './layer-kind.ts'

/** A layer of a manifest, and what the image config says of it. */
export interface DescribedLayer {
  descriptor: Descriptor
  diffId: Digest
}

/** What the bootstrap of an image says of itself and of its layers. */
export interface BootstrapFacts {
  version: 5 | 6
  /** Of its layer. */
  diffId: Digest
  /** Hex ids of blobs that hold tables, each with that of the layer that these are of. */
  referred: readonly (readonly [tables: string, layer: string])[]
}

/**
 * What is wrong with the layers of a Nydus image as the snapshotter takes them: it finds its blobs and its bootstrap by
 * their annotations, and containerd compares diffIDs. Without `facts` the bootstrap could not be read. Source: containerd/nydus-snapshotter pkg/label/label.go,
 * snapshot/process.go; pkg/converter/convert_unix.go (makeBlobDesc).
 */
export function nydusLayerProblems(
  layers: readonly DescribedLayer[],
  facts?: BootstrapFacts,
): Finding[] {
  const findings: Finding[] = []
  const tables = new Map(facts?.referred)
  for (const [i, { descriptor, diffId: said }] of layers.entries()) {
    const { digest, annotations = {} } = descriptor
    const add = (problem: string): void => void findings.push({ path: digest, problem })
    const kind = layerKind(descriptor)
    if (kind === 'nydus-bootstrap') {
      if (i !== layers.length - 1) add('it is the bootstrap, and not the last layer')
      const { version, diffId } = facts ?? { diffId: said }
      const fsVersion = annotations[FS_VERSION_ANNOTATION]
      if (version !== undefined && fsVersion !== undefined && fsVersion !== String(version)) {
        add(
          `its annotation ${FS_VERSION_ANNOTATION} is ${fsVersion}, the bootstrap is of ${version}`,
        )
      }
      const uncompressed = annotations[UNCOMPRESSED_ANNOTATION] ?? diffId
      if (uncompressed !== diffId) {
        add(`its annotation ${UNCOMPRESSED_ANNOTATION} is ${uncompressed}, its tar has ${diffId}`)
      }
      if (said !== diffId) add(`the config says that its diffID is ${said}, its tar has ${diffId}`)
      continue
    }
    if (kind !== 'nydus-blob') add(`it lacks the annotation ${BLOB_ANNOTATION}`)
    // a blob is no tar: the snapshotter has its digest stand for it
    if (said !== digest) add(`the config says that its diffID is ${said}, it is a Nydus blob`)
    const layer = referredLayer(descriptor)
    const named = tables.get(hexOf(digest))
    // a layer without content is in no table of the bootstrap
    if (named !== undefined && (layer && hexOf(layer)) !== named) {
      add(`${REF_ANNOTATION} is ${layer ?? 'missing'}, the bootstrap refers to ${named}`)
    }
  }
  return findings
}

/** What is said of layers of which some are Nydus blobs, and none a bootstrap. */
export const NO_BOOTSTRAP: Finding = {
  path: 'manifest',
  problem: `no layer is marked as the bootstrap by ${BOOTSTRAP_ANNOTATION}, and others as Nydus blobs`,
}

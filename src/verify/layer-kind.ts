import {
  BLOB_ANNOTATION,
  BOOTSTRAP_ANNOTATION,
  EMPTY_LAYER_ANNOTATION,
  REF_ANNOTATION,
} from '../drivers/nydus/annotation.ts'
import { TOC_DIGEST_ANNOTATION } from '../formats/estargz/layout.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import { parseDigest, type Digest } from '../oci/digest.ts'
import { areChunked } from './layer-annotations.ts'

/** What a layer is to its readers. */
export type LayerKind = 'estargz' | 'zstd-chunked' | 'nydus-blob' | 'nydus-bootstrap' | 'ordinary'

/** What a layer is, by its annotations. */
export function layerKind({ annotations = {} }: Descriptor): LayerKind {
  if (annotations[BOOTSTRAP_ANNOTATION] === 'true') return 'nydus-bootstrap'
  if (annotations[BLOB_ANNOTATION] === 'true') return 'nydus-blob'
  if (areChunked(annotations)) return 'zstd-chunked'
  return annotations[TOC_DIGEST_ANNOTATION] === undefined ? 'ordinary' : 'estargz'
}

/** Whether a layer was put in front of an image to keep it apart, and holds nothing. */
export function isEmptyMark({ annotations }: Descriptor): boolean {
  return annotations?.[EMPTY_LAYER_ANNOTATION] === 'true'
}

/** The digest of the layer that a Nydus blob says how to read, which the manifest does not name. */
export function referredLayer({ annotations }: Descriptor): Digest | undefined {
  const digest = annotations?.[REF_ANNOTATION]
  return digest === undefined ? undefined : parseDigest(digest)
}

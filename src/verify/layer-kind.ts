import { TOC_DIGEST_ANNOTATION } from '../formats/estargz/layout.ts'
import {
  CONTAINERS_POSITION_ANNOTATION,
  STARGZ_POSITION_ANNOTATION,
} from '../formats/zstd-chunked/layout.ts'
import type { Descriptor } from '../oci/descriptor.ts'

/** What a layer is to its readers. */
export type LayerKind = 'estargz' | 'zstd-chunked' | 'nydus-blob' | 'nydus-bootstrap' | 'ordinary'

/** Source: nydus-snapshotter pkg/converter/constant.go. */
const NYDUS_BOOTSTRAP = 'containerd.io/snapshot/nydus-bootstrap'
const NYDUS_BLOB = 'containerd.io/snapshot/nydus-blob'
const NYDUS_REF = 'containerd.io/snapshot/nydus-ref'
/** The layer that keeps a merged index's OCI image apart from its source. */
const NYDUS_EMPTY_LAYER = 'containerd.io/snapshot/nydus-empty-layer'

/** What a layer is, by its annotations. */
export function layerKind({ annotations = {} }: Descriptor): LayerKind {
  if (annotations[NYDUS_BOOTSTRAP] === 'true') return 'nydus-bootstrap'
  if (annotations[NYDUS_BLOB] === 'true') return 'nydus-blob'
  const chunked =
    annotations[STARGZ_POSITION_ANNOTATION] ?? annotations[CONTAINERS_POSITION_ANNOTATION]
  if (chunked !== undefined) return 'zstd-chunked'
  return annotations[TOC_DIGEST_ANNOTATION] === undefined ? 'ordinary' : 'estargz'
}

/** Whether a layer was put in front of an image to keep it apart, and holds nothing. */
export function isEmptyMark({ annotations }: Descriptor): boolean {
  return annotations?.[NYDUS_EMPTY_LAYER] === 'true'
}

/** Whether a layer says how to read another one, which the manifest does not name. */
export function isReference({ annotations }: Descriptor): boolean {
  return annotations?.[NYDUS_REF] !== undefined
}

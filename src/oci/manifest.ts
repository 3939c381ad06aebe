import type { Descriptor } from './descriptor.ts'
import { asArray, asDescriptor, asObject, invalidDocument, parseObject } from './json-document.ts'

/** An image manifest, OCI or Docker schema 2. Members that are not named here are kept. Source: OCI image-spec manifest.md. */
export interface Manifest {
  schemaVersion: 2
  mediaType?: string
  artifactType?: string
  config: Descriptor
  layers: Descriptor[]
  subject?: Descriptor
  annotations?: Record<string, string>
}

/** An index or Docker manifest list. Source: OCI image-spec image-index.md. */
export interface Index {
  schemaVersion: 2
  mediaType?: string
  artifactType?: string
  manifests: Descriptor[]
  subject?: Descriptor
  annotations?: Record<string, string>
}

/** Parses a manifest. Throws IMAGE_MANIFEST_INVALID; `what` names it in the message. */
export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  const object = parseObject(bytes, what)
  checkHead(object, what)
  if ('manifests' in object) {
    // A document that is both would be read as one thing here and as another elsewhere (CVE-2021-41190).
    throw invalidDocument(what, 'it is pushed as a manifest but has a member "manifests"')
  }
  asDescriptor(object['config'], what, 'config')
  asArray(object['layers'], what, 'layers').forEach((layer, i) =>
    asDescriptor(layer, what, `layers[${i}]`),
  )
  return { ...object, layers: object['layers'] ?? [] } as unknown as Manifest
}

/** Parses an index. Throws IMAGE_MANIFEST_INVALID; `what` names it in the message. */
export function parseIndex(bytes: Uint8Array, what: string): Index {
  const object = parseObject(bytes, what)
  checkHead(object, what)
  if ('layers' in object || 'config' in object) {
    throw invalidDocument(what, 'it is pushed as an index but has members of a manifest')
  }
  asArray(object['manifests'], what, 'manifests').forEach((member, i) =>
    asDescriptor(member, what, `manifests[${i}]`),
  )
  return { ...object, manifests: object['manifests'] ?? [] } as unknown as Index
}

function checkHead(object: Record<string, unknown>, what: string): void {
  if (object['schemaVersion'] !== 2) throw invalidDocument(what, 'schemaVersion is not 2')
  if (object['subject'] !== undefined) asDescriptor(object['subject'], what, 'subject')
  if (object['annotations'] !== undefined && object['annotations'] !== null) {
    asObject(object['annotations'], what, 'annotations')
  }
}

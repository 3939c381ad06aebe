/** Media types of manifests, indexes, configs and layers, and what they say. Source: OCI image-spec media-types.md, Docker image manifest v2 schema 2. */

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json'
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json'
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json'
export const OCI_LAYER_TAR = 'application/vnd.oci.image.layer.v1.tar'
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip'
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd'
export const OCI_NONDISTRIBUTABLE_TAR = 'application/vnd.oci.image.layer.nondistributable.v1.tar'
export const OCI_NONDISTRIBUTABLE_GZIP =
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'
export const OCI_NONDISTRIBUTABLE_ZSTD =
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd'
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json'
export const DOCKER_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json'
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json'
export const DOCKER_LAYER_TAR = 'application/vnd.docker.image.rootfs.diff.tar'
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip'
export const DOCKER_LAYER_ZSTD = 'application/vnd.docker.image.rootfs.diff.tar.zstd'
export const DOCKER_FOREIGN_LAYER_GZIP = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'
export const DOCKER_SCHEMA_1 = 'application/vnd.docker.distribution.manifest.v1+json'
export const DOCKER_SCHEMA_1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws'

/** What a client that wants any image sends as Accept: all four manifest types, then anything. */
export const MANIFEST_ACCEPT = [OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST, '*/*'].join(
  ', ',
)

/** How the bytes of a layer are stored. */
export type Compression = 'none' | 'gzip' | 'zstd'

const layerTypes = new Map<string, { compression: Compression; docker: boolean; foreign: boolean }>(
  [
    [OCI_LAYER_TAR, { compression: 'none', docker: false, foreign: false }],
    [OCI_LAYER_GZIP, { compression: 'gzip', docker: false, foreign: false }],
    [OCI_LAYER_ZSTD, { compression: 'zstd', docker: false, foreign: false }],
    [OCI_NONDISTRIBUTABLE_TAR, { compression: 'none', docker: false, foreign: true }],
    [OCI_NONDISTRIBUTABLE_GZIP, { compression: 'gzip', docker: false, foreign: true }],
    [OCI_NONDISTRIBUTABLE_ZSTD, { compression: 'zstd', docker: false, foreign: true }],
    [DOCKER_LAYER_TAR, { compression: 'none', docker: true, foreign: false }],
    [DOCKER_LAYER_GZIP, { compression: 'gzip', docker: true, foreign: false }],
    [DOCKER_LAYER_ZSTD, { compression: 'zstd', docker: true, foreign: false }],
    [DOCKER_FOREIGN_LAYER_GZIP, { compression: 'gzip', docker: true, foreign: true }],
  ],
)

/** What a layer's media type says; undefined when it is not the type of a file system layer. */
export function layerType(
  mediaType: string,
): { compression: Compression; docker: boolean; foreign: boolean } | undefined {
  return layerTypes.get(mediaType)
}

/** Stands behind the media type of a layer that is encrypted. Source: containers/ocicrypt spec/spec.go. */
export const ENCRYPTED_SUFFIX = '+encrypted'

/** Tells whether a layer is encrypted. */
export function isEncryptedType(mediaType: string): boolean {
  return mediaType.endsWith(ENCRYPTED_SUFFIX)
}

export function isIndexType(mediaType: string): boolean {
  return mediaType === OCI_INDEX || mediaType === DOCKER_LIST
}

export function isManifestType(mediaType: string): boolean {
  return mediaType === OCI_MANIFEST || mediaType === DOCKER_MANIFEST
}

export function isImageConfigType(mediaType: string): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG
}

export function isSchema1Type(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA_1 || mediaType === DOCKER_SCHEMA_1_SIGNED
}

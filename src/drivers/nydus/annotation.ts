/** Media types and annotations of Nydus images. Source: containerd/nydus-snapshotter pkg/converter/constant.go, pkg/label/label.go; goharbor/acceleration-service pkg/driver/nydus. */

export const NYDUS_BLOB = 'application/vnd.oci.image.layer.nydus.blob.v1'
/** Config of the Nydus manifest in a merged index: runtimes that do not know it do not take that manifest. */
export const NYDUS_CONFIG = 'application/vnd.nydus.image.config.v1+json'
/** `artifactType` of the Nydus manifest's member of a merged index. */
export const NYDUS_MANIFEST = 'application/vnd.nydus.image.manifest.v1+json'

/** On blob layers: `true`. */
export const BLOB_ANNOTATION = 'containerd.io/snapshot/nydus-blob'
/** On blob layers that hold the tables of a layer of the source, which is read where it is: its digest. */
export const REF_ANNOTATION = 'containerd.io/snapshot/nydus-ref'
/** On blob layers of an encrypted image: `true`. */
export const ENCRYPTED_BLOB_ANNOTATION = 'containerd.io/snapshot/nydus-encrypted-blob'
/** On the bootstrap layer, the last: `true`. */
export const BOOTSTRAP_ANNOTATION = 'containerd.io/snapshot/nydus-bootstrap'
/** On the bootstrap layer and the manifest: `5` or `6`. */
export const FS_VERSION_ANNOTATION = 'containerd.io/snapshot/nydus-fs-version'
/** On the manifest: digest of the manifest that it was made from. */
export const SOURCE_DIGEST_ANNOTATION = 'containerd.io/snapshot/nydus-source-digest'
/** On the manifest: reference of the image that it was made from. */
export const SOURCE_REFERENCE_ANNOTATION = 'containerd.io/snapshot/nydus-source-reference'
/** On the empty first layer of the OCI manifest in a merged index: `true`. */
export const EMPTY_LAYER_ANNOTATION = 'containerd.io/snapshot/nydus-empty-layer'
/** On the bootstrap layer, where blobs are kept elsewhere: its diff id. */
export const UNCOMPRESSED_ANNOTATION = 'containerd.io/uncompressed'

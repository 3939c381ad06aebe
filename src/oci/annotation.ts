/** Annotation keys that are written or read here. */

/** Name of the driver that made an image. Source: goharbor/acceleration-service v0.1, Harbor stores and returns it. */
export const ACCELERATION_DRIVER_NAME = 'io.goharbor.artifact.v1alpha1.acceleration.driver.name'
/** Version of the driver that made an image. */
export const ACCELERATION_DRIVER_VERSION =
  'io.goharbor.artifact.v1alpha1.acceleration.driver.version'
/** Digest of the manifest or index that an image was made from. */
export const ACCELERATION_SOURCE_DIGEST = 'io.goharbor.artifact.v1alpha1.acceleration.source.digest'

/** BuildKit: what an index member without a platform is for (`attestation-manifest`). */
export const DOCKER_REFERENCE_TYPE = 'vnd.docker.reference.type'
/** BuildKit: the index member that an attestation speaks of. */
export const DOCKER_REFERENCE_DIGEST = 'vnd.docker.reference.digest'

/** The tag of a manifest in the index of an OCI image layout. */
export const OCI_REF_NAME = 'org.opencontainers.image.ref.name'

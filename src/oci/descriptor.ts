import type { Digest } from './digest.ts'

/** The platform an image is made for. Source: OCI image-spec image-index.md. */
export interface Platform {
  architecture: string
  os: string
  'os.version'?: string
  'os.features'?: string[]
  variant?: string
}

/** What a blob or manifest is: type, digest and size of its bytes as stored. Keys are those of the JSON. Source: OCI image-spec descriptor.md. */
export interface Descriptor {
  mediaType: string
  digest: Digest
  /** Bytes. */
  size: number
  annotations?: Record<string, string>
  urls?: string[]
  platform?: Platform
  artifactType?: string
  /** Base64 of the bytes themselves. */
  data?: string
}

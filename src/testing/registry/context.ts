import type { HarborInit, TestRegistryInit } from './init.ts'
import type { Storage, StoredManifest } from './storage.ts'
import type { Upload } from './upload.ts'

/** A manifest that was pushed over HTTP. */
export interface Push {
  repository: string
  /** The tag or digest under which it was pushed. */
  reference: string
  manifest: StoredManifest
  /** The account that pushed; undefined in a registry without accounts. */
  user: string | undefined
}

/** What the handlers of requests share. */
export interface RegistryContext {
  storage: Storage
  init: TestRegistryInit
  /** The Harbor to act as, if any. */
  harbor: (Required<Pick<HarborInit, 'version'>> & HarborInit) | undefined
  uploads: Map<string, Upload>
  /** `scheme://host:port` of the listener. */
  origin: string
  /** `scheme://host:port` of the listener that blobs are redirected to, if there is one. */
  storageOrigin: string | undefined
  pushed(push: Push): void
}

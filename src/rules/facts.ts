/** What an event, or a search, tells of an image before anything is read of it. */
export interface PushFacts {
  /** As in references, with its port. */
  host: string
  repository: string
  tag?: string | undefined
  /** The account that pushed, where it is known. */
  operator?: string | undefined
}

/** What the manifest and what hangs on it tell. */
export interface ImageFacts {
  /** Of the manifest or index, the configs and the layers, each once. */
  mediaTypes: readonly string[]
  /** Of the images under the reference: `linux/arm64/v8`. */
  platforms: readonly string[]
  /** Bytes of layers and configs as stored, each blob once. */
  size: number
  /** The labels of each image. */
  labels: readonly Readonly<Record<string, string>>[]
}

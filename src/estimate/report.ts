import type { Digest } from '../oci/digest.ts'
import type { FormatName } from './format-name.ts'

/** What a conversion of one image is expected to cost and to bring. Sizes are bytes, times seconds, shares 0 to 1. */
export interface EstimateReport {
  source: string
  sourceDigest: Digest
  skipped?: undefined
  /** What of the layers was looked at. */
  looked: { bytes: number; of: number; full: boolean; seconds: number }
  images: ImageFacts[]
  /** By what the start of a container was judged. */
  start: StartBasis
  /** Bytes a second that a client is thought to get from the registry. */
  bandwidth: number
  /** What a client does that pulls the source as a whole: the first image. */
  ordinary: { bytes: number; seconds: number }
  machine: MachineFacts
  formats: FormatEstimate[]
  verdict: Verdict
  /** What else should be known, in sentences. */
  notes: string[]
}

/** An image that would not be converted. */
export interface SkippedEstimate {
  source: string
  sourceDigest: Digest
  /** Why. */
  skipped: string
}

/** One image of the source: a platform of an index, or the only one. */
export interface ImageFacts {
  platform: string
  digest: Digest
  layers: number
  /** Of config and layers, as stored, each once. */
  size: number
  /** Of the layers' tars. */
  uncompressedSize: number
  entries: number
  files: number
  /** Of all files, those below 16 KiB. */
  smallFiles: number
}

/** What a container is thought to read before it runs. */
export interface StartBasis {
  kind: 'trace' | 'start set' | 'share'
  /** Files, and their bytes, where they are known. */
  files?: number
  /** Bytes, uncompressed. */
  bytes: number
  /** Paths that were not found in what was looked at. */
  missing?: string[]
  /** What could not be followed, in sentences. */
  notes?: string[]
}

/** With what time and memory are reckoned. */
export interface MachineFacts {
  processors: number
  /** Threads that compress, and layers at a time, as the configuration says. */
  threads: number
  layers: number
  /** Bytes a second at which the source came; undefined where too little came to tell. */
  pullRate?: number
  /** What a conversion reserves in `work_dir`, whatever the format. */
  disk: number
  /** Free there; undefined where the directory is not there. */
  diskFree?: number
}

/** What one format costs and brings. */
export interface FormatEstimate {
  name: FormatName
  /** Of the result: config, layers and, with `oci_ref`, the layers of the source that belong to it. */
  size: number
  /** By how much it may be off. */
  error: number
  /** Against the source. */
  change: number
  /** What is pushed and was not in the registry before. */
  newBytes: number
  /** Layers that need no conversion. */
  knownLayers: number
  /** Wall time of a conversion. */
  seconds: number
  /** Peak of resident memory. */
  memory: number
  /** Before a container of the first image starts: what says where files are, and the files that are read first. */
  lazy: { index: number; files: number; seconds: number }
  /** What clients need to pull it lazily. */
  readers: string
  /** Clients without that can pull and run it all the same, as a whole. */
  ordinary: boolean
  /** Why this format, or why not. */
  verdict: string
}

export interface Verdict {
  worth: 'yes' | 'little' | 'no'
  best?: FormatName
  text: string
}

import type { Digest } from '../oci/digest.ts'

/** What is known of an image in a registry: plain data, from which the sentences are made. Sizes are bytes. */
export interface ImageAccount {
  /** The reference in full. */
  name: string
  host: string
  /** `host/repository`. */
  repository: string
  digest: Digest
  /** It is an index or manifest list. */
  isIndex: boolean
  /** Who made it from which image, as it says itself; absent where it does not. */
  made?: Made
  /** The images in it; attestations are none. */
  images: ImageMember[]
  /** Members of an index that are no images, such as attestations. */
  others: number
  /** Why it is no image that containers run from. */
  notAnImage?: string
  /** Of a converted image: what it was made from. */
  source?: SourceAccount
  /** Of an ordinary image: what was made of it. */
  variants: Variant[]
  /** Signatures and other things that name it as their subject. */
  attached: number
  /** How the registry keeps track of these: by its API, or by a tag. */
  referrersBy: 'api' | 'tag'
  /** Whether a part of a layer can be read; absent where there is no layer to ask for. */
  range?: { partial: boolean; problem?: string }
  /** Of an ordinary image: what each rule says of it. */
  rules: { name: string; holds: 'yes' | 'no' | 'later'; because: string }[]
  /** Why a webhook for it would lead to nothing, whatever the rules say. */
  refused?: string
}

/** What a converted image says of itself. */
export interface Made {
  driver?: string
  version?: string
  source?: Digest
}

export type Format = 'ordinary' | 'estargz' | 'zstd-chunked' | 'nydus'

/** One manifest with layers. */
export interface ImageMember {
  digest: Digest
  /** `linux/amd64`; empty where nothing says it. */
  platform: string
  format: Format
  /** Of a Nydus image: `5` or `6`. */
  fsVersion?: string
  /** Of a Nydus image: its blobs are kept outside of the registry. */
  blobsElsewhere?: true
  encrypted?: true
  /** It names its source as its subject. */
  linked?: true
  layers: MemberLayer[]
  /** Of the layers and the config. */
  blobs: { digest: Digest; size: number }[]
}

export interface MemberLayer {
  /** From 1 for the lowest. */
  index: number
  digest: Digest
  mediaType: string
  size: number
  kind: 'estargz' | 'zstd-chunked' | 'nydus-blob' | 'nydus-bootstrap' | 'ordinary'
  /** Of zstd:chunked: whose readers find its table of contents. */
  readers?: ('stargz' | 'containers')[]
  /** Of a Nydus blob: it holds tables alone, its data is in a layer of the source. */
  refersTo?: Digest
}

/** What became of the source of a converted image. */
export interface SourceAccount {
  digest: Digest
  /** It is in the same repository. */
  found: boolean
  /** Of its layers and configs, of the platforms that were converted. */
  size?: number
  /** The tag that it had by the rules of the configuration, and what that names now; no digest where it is gone. */
  tag?: { name: string; rule: string; digest?: Digest }
}

/** Something that was made of an ordinary image, or should have been. */
export interface Variant {
  /** Its tag, or its digest where no rule names it. */
  name: string
  rule?: string
  /** `missing`: there is no such tag. `outdated`: it was made from an earlier image of the tag. */
  state: 'current' | 'outdated' | 'missing' | 'unknown'
  digest?: Digest
  driver?: string
  source?: Digest
  /** It is linked to the image by `subject`. */
  linked: boolean
}

/** Whether an image was converted, by us or by others. */
export function isConverted({
  made,
  images,
}: Pick<ImageAccount, 'images'> & { made?: Made | undefined }): boolean {
  return made?.driver !== undefined || images.some(({ format }) => format !== 'ordinary')
}

/** Bytes of all blobs of some images, each once. */
export function sizeOf(images: readonly ImageMember[]): number {
  const blobs = new Map(images.flatMap((image) => image.blobs).map((one) => [one.digest, one.size]))
  return [...blobs.values()].reduce((sum, size) => sum + size, 0)
}

/** The images that were converted; all, where none was. */
export function convertedOf(images: readonly ImageMember[]): ImageMember[] {
  const converted = images.filter(({ format }) => format !== 'ordinary')
  return converted.length === 0 ? [...images] : converted
}

import { countOf, listOf } from '../story/sentence.ts'
import { layerType } from '../oci/media-type.ts'
import { isConverted, type ImageAccount, type ImageMember, type MemberLayer } from './account.ts'
import { about, type ImageSentence } from './image-sentence.ts'

/** Whether each layer can be read lazily, and why one cannot. */
export function layerSentences(account: ImageAccount): ImageSentence[] {
  const converted = isConverted(account)
  return account.images.flatMap((image) => {
    const of = account.images.length === 1 ? '' : ` of ${image.platform || image.digest}`
    if (image.format === 'nydus') return nydus(image, of)
    if (converted && image.format === 'ordinary') return [beside(image, of)]
    return converted ? lazy(image, of) : ordinary(image, of)
  })
}

const say = about('layers')

function ordinary({ layers }: ImageMember, of: string): ImageSentence[] {
  const kinds = Map.groupBy(layers, whyNot)
  const parts = [...kinds].map(([why, some]) =>
    layers.length === 1 ? why : `${some.length} ${why}`,
  )
  const none = layers.length === 1 ? 'which cannot' : 'none of which can'
  return [
    say(
      'plain',
      `${countOf(layers.length, 'layer')}${of}, ${none} be read lazily: ${listOf(parts)}.`,
    ),
  ]
}

/** The image of a merged index that ordinary clients take. */
function beside({ layers }: ImageMember, of: string): ImageSentence {
  return say(
    'plain',
    `The image${of} with ${countOf(layers.length, 'ordinary layer')} is there for clients that know no lazy format.`,
  )
}

function lazy({ layers, format }: ImageMember, of: string): ImageSentence[] {
  const whole = layers.filter(({ kind }) => kind === 'ordinary')
  const readable = layers.length - whole.length
  const name = format === 'estargz' ? 'eStargz' : 'zstd:chunked'
  const sentences = [
    say(
      whole.length === 0 ? 'good' : 'plain',
      `${readable} of ${countOf(layers.length, 'layer')}${of} ${readable === 1 ? 'is' : 'are'} ${name} and can be read lazily.`,
    ),
  ]
  for (const [why, some] of Map.groupBy(whole, whyNot)) {
    const names = `${some.length === 1 ? 'Layer' : 'Layers'} ${listOf(some.map(({ index }) => String(index)))}`
    const are = some.length === 1 ? 'is' : 'are'
    const lowest = Math.min(...some.map(({ index }) => index))
    const above = layers.some(({ index }) => index > lowest)
      ? ' containerd pulls the layers above it as a whole, too.'
      : ''
    sentences.push(say('warning', `${names}${of} ${are} pulled as a whole: ${why}.${above}`))
  }
  return sentences
}

function nydus({ layers, blobsElsewhere }: ImageMember, of: string): ImageSentence[] {
  const blobs = layers.filter(({ kind }) => kind === 'nydus-blob')
  const referring = blobs.filter(({ refersTo }) => refersTo !== undefined).length
  const own = blobs.length - referring
  const parts = [
    ...(own === 0 ? [] : [countOf(own, 'blob of its own', 'blobs of its own')]),
    ...(referring === 0
      ? []
      : [`${countOf(referring, 'layer', 'layers')} of the source, read where it is (oci_ref)`]),
  ]
  const data = parts.length === 0 ? 'blobs that are not in this registry' : listOf(parts)
  const sentences = [
    say('good', `All of its files${of} can be read lazily: the bootstrap leads to ${data}.`),
  ]
  if (blobsElsewhere === true || parts.length === 0) {
    sentences.push(
      say(
        'plain',
        `The data${of} is in a storage backend: nydusd needs the account for it, not that of the registry alone.`,
      ),
    )
  }
  return sentences
}

/** What an ordinary layer is, as the end of `2 …`. */
function whyNot({ mediaType }: MemberLayer): string {
  const compression = layerType(mediaType)?.compression
  if (compression === 'gzip') return 'compressed with gzip, without a table of contents'
  if (compression === 'zstd') return 'compressed with zstd, without a table of contents'
  return compression === undefined ? `of type ${mediaType}` : 'a tar without compression'
}

import { countOf, ended, listOf } from '../story/sentence.ts'
import { convertedOf, isConverted, type ImageAccount, type ImageMember } from './account.ts'
import { about, type ImageSentence } from './image-sentence.ts'

/** What an image is, and who made it. */
export function imageSentences(account: ImageAccount): ImageSentence[] {
  const { name, digest, images, isIndex, others, made, notAnImage } = account
  const say = about('image')
  if (images.length === 0) {
    return [
      say(
        'warning',
        `${name} (${digest}) is nothing to convert: ${ended(notAnImage ?? 'it has no image')}`,
      ),
    ]
  }
  const converted = isConverted(account)
  const formats = listOf(formatNames(convertedOf(images)))
  const what = converted ? `a converted image, ${formats}` : 'an ordinary image'
  const platforms = [...new Set(images.map(({ platform }) => platform))].filter((one) => one !== '')
  const of = platforms.length === 0 ? '' : ` for ${listOf(platforms)}`
  const shape = isIndex ? ', an index' : ''
  const rest =
    others === 0
      ? ''
      : `, with ${countOf(others, 'attestation or other member', 'attestations or other members')}`
  const sentences = [
    say(converted ? 'good' : 'plain', `${name} (${digest}) is ${what}${of}${shape}${rest}.`),
  ]
  if (!converted) return sentences
  const by =
    made?.driver === undefined
      ? 'It does not say which program made it.'
      : `It was made by the driver ${made.driver}${made.version === undefined ? '' : `, version ${made.version}`}.`
  sentences.push(say('plain', by))
  if (images.some(({ encrypted }) => encrypted)) {
    sentences.push(
      say('plain', 'It is encrypted: who pulls it needs one of the keys that it was made for.'),
    )
  }
  return sentences
}

/** Each format once, with what there are several kinds of. */
function formatNames(images: readonly ImageMember[]): string[] {
  return [...Map.groupBy(images, ({ format }) => format)].map(([format, some]) => {
    if (format === 'estargz') return 'eStargz'
    if (format === 'ordinary') return 'ordinary'
    if (format === 'nydus') {
      const versions = new Set(some.flatMap(({ fsVersion = [] }) => fsVersion))
      return versions.size === 0 ? 'Nydus' : `Nydus with RAFS v${[...versions].join(' and v')}`
    }
    const readers = new Set(
      some.flatMap(({ layers }) => layers.flatMap((layer) => layer.readers ?? [])),
    )
    return `zstd:chunked for ${listOf([...readers].map((reader) => readerNames[reader])) || 'nobody'}`
  })
}

const readerNames = { stargz: 'the stargz snapshotter', containers: 'containers/storage' } as const

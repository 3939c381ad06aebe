import { formatGrowth } from '../quantity/growth.ts'
import { formatSize } from '../quantity/quantity.ts'
import { ended } from '../story/sentence.ts'
import { convertedOf, isConverted, sizeOf, type ImageAccount } from './account.ts'
import { about, type ImageSentence } from './image-sentence.ts'

/** How large an image is, against its source. */
export function sizeSentences(account: ImageAccount): ImageSentence[] {
  const { images, source } = account
  const say = about('size')
  if (images.length === 0) return []
  const size = sizeOf(convertedOf(images))
  if (!isConverted(account)) {
    return [say('plain', `It has ${formatSize(size)}.`)]
  }
  const before = source?.size
  if (
    before !== undefined &&
    images.some(({ layers }) => layers.some(({ refersTo }) => refersTo))
  ) {
    const text = `It adds ${formatSize(size)} to its source's ${formatSize(before)}, whose layers hold its data.`
    return [say('plain', text)]
  }
  const against =
    before === undefined ? '' : `, its source ${formatSize(before)}: ${formatGrowth(before, size)}`
  const several = images.some(({ platform }) => platform !== images[0]?.platform)
  const all = several ? ', all platforms together' : ''
  return [say('plain', `It has ${formatSize(size)}${against}${all}.`)]
}

/** What its registry does for lazy reading. */
export function registrySentences({ range, referrersBy, host }: ImageAccount): ImageSentence[] {
  const say = about('registry')
  const links = say(
    'plain',
    referrersBy === 'api'
      ? `${host} has the referrers API.`
      : `${host} has no referrers API; a list under the tag sha256-… stands in for it.`,
  )
  if (range === undefined) return [links]
  if (range.partial) {
    return [say('good', `${host} sends parts of layers: Range is answered with 206.`), links]
  }
  const text = `${host} sends no parts of layers, so nobody reads anything lazily from it: ${ended(range.problem ?? '')}`
  const fix = 'let the registry, its storage and each proxy before it pass the header Range on'
  return [say('problem', text, fix), links]
}

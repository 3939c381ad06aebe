import { countOf, listOf } from '../story/sentence.ts'
import { isConverted, type ImageAccount, type Variant } from './account.ts'
import { about, type ImageSentence } from './image-sentence.ts'

/** What a converted image was made from, and whether that is what its tag names still. */
export function sourceSentences(account: ImageAccount): ImageSentence[] {
  if (!isConverted(account)) return []
  const { source, repository } = account
  const say = about('source')
  if (source === undefined) return [say('plain', 'It does not say what it was made from.')]
  const { digest, found, tag } = source
  const there = found ? 'which is there still' : 'which is not in this repository any more'
  const sentences = [say('plain', `It was made from ${digest}, ${there}.`)]
  if (tag === undefined) return sentences
  const again = `accelctl convert --config FILE ${repository}:${tag.name}`
  if (tag.digest === undefined) {
    sentences.push(
      say('warning', `By the rule ${tag.rule} its source had the tag ${tag.name}, which is gone.`),
    )
  } else if (tag.digest === digest) {
    sentences.push(say('good', `The tag ${tag.name} names that image still, so it is up to date.`))
  } else {
    const text = `The tag ${tag.name} was moved on and names ${tag.digest} now: this is made from an older image.`
    sentences.push(say('warning', text, again))
  }
  return sentences
}

/** What was made of an ordinary image. */
export function besideSentences(account: ImageAccount): ImageSentence[] {
  if (isConverted(account) || account.images.length === 0) return []
  const { variants, attached } = account
  const say = about('beside')
  const sentences = variants
    .filter(({ rule }) => rule !== undefined)
    .map((variant) => variantSentence(variant, account))
  const others = variants.filter(({ rule }) => rule === undefined)
  if (others.length > 0) {
    const drivers = Map.groupBy(others, ({ driver = 'one that it does not name' }) => driver)
    const parts = [...drivers].map(([driver, some]) => `${some.length} by the driver ${driver}`)
    const many = countOf(others.length, 'other result is', 'other results are')
    const text = `${many} linked to it by subject, which no rule names: ${listOf(parts)}.`
    sentences.push(say('plain', text))
  }
  if (attached > 0) {
    const text = `${countOf(attached, 'other manifest names', 'other manifests name')} it as the subject, such as signatures.`
    sentences.push(say('plain', text))
  }
  return sentences
}

function variantSentence(variant: Variant, { name }: ImageAccount): ImageSentence {
  const { name: tag, rule, state, digest, driver, source, linked } = variant
  const by = `, as the rule ${rule} has it`
  const made = driver === undefined ? '' : `, made by the driver ${driver}`
  const link = linked ? ' and linked to it by subject' : ''
  const say = about('beside')
  switch (state) {
    case 'current':
      return say('good', `Converted from it is ${tag} (${digest})${by}${made}${link}.`)
    case 'outdated':
      return say(
        'warning',
        `${tag} was made from ${source}, which is not what the tag names now${made}.`,
        `accelctl convert --config FILE --rule ${rule} ${name}`,
      )
    case 'missing':
      return say('plain', `There is no ${tag}${by}.`)
    case 'unknown':
      return say(
        'plain',
        `There is ${tag}${by}, which does not say that it was made from it${made}.`,
      )
  }
}

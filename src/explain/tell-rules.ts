import { ended, listOf } from '../story/sentence.ts'
import { isConverted, type ImageAccount } from './account.ts'
import { about, type ImageSentence } from './image-sentence.ts'

/** Why an ordinary image is, or would be, converted or not. */
export function ruleSentences(account: ImageAccount): ImageSentence[] {
  const { name, rules, refused, variants, images, notAnImage } = account
  if (isConverted(account) || images.length === 0) return []
  const say = about('rules')
  if (notAnImage !== undefined) {
    return [say('warning', `It would not be converted: ${ended(notAnImage)}`)]
  }
  const sentences = rules.map(({ name: rule, holds, because }) =>
    say(
      'plain',
      `The rule ${rule} ${holds === 'yes' ? 'applies' : 'does not apply'}: ${ended(because)}`,
    ),
  )
  if (rules.length === 0)
    sentences.push(say('warning', 'There is no rule.', 'add one to converter.rules'))
  if (refused !== undefined)
    sentences.push(say('warning', `A webhook would lead to nothing: ${ended(refused)}`))
  const applies = rules.filter(({ holds }) => holds !== 'no')
  const missing = variants.filter(
    ({ state, rule }) => state === 'missing' && applies.some((one) => one.name === rule),
  )
  if (rules.length > 0 && applies.length === 0) {
    const text = 'No rule applies, so no push of it is converted; it can be, by naming a target.'
    const fix = `accelctl convert --config FILE --to ${name}-lazy ${name}`
    return [...sentences, say('warning', text, fix)]
  }
  if (missing.length === 0) return sentences
  const text = `It was not converted by ${listOf(missing.map(({ rule = '' }) => `the rule ${rule}`))}: no webhook told of it, or the conversion failed; accelctl task list --source says whether there was one.`
  return [
    ...sentences,
    say(
      'warning',
      text,
      `accelctl task create ${name}, or without a service: accelctl convert --config FILE ${name}`,
    ),
  ]
}

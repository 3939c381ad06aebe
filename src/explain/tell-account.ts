import type { ImageAccount } from './account.ts'
import type { ImageSentence } from './image-sentence.ts'
import { clientSentences } from './tell-clients.ts'
import { imageSentences } from './tell-image.ts'
import { layerSentences } from './tell-layers.ts'
import { registrySentences, sizeSentences } from './tell-registry.ts'
import { besideSentences, sourceSentences } from './tell-relatives.ts'
import { ruleSentences } from './tell-rules.ts'

/** What an image is, where it came from, what was made of it or why nothing was, and how clients read it. */
export function tellAccount(account: ImageAccount): ImageSentence[] {
  const all = [
    ...imageSentences(account),
    ...sourceSentences(account),
    ...besideSentences(account),
    ...ruleSentences(account),
    ...layerSentences(account),
    ...sizeSentences(account),
    ...registrySentences(account),
    ...clientSentences(account),
  ]
  // of two manifests of one platform the same may be said
  return [...new Map(all.map((sentence) => [sentence.text, sentence])).values()]
}

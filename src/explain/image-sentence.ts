import type { Sentence } from '../story/sentence.ts'

/** What a sentence about an image is about. */
export type ImageTopic =
  | 'image'
  | 'source'
  | 'beside'
  | 'rules'
  | 'layers'
  | 'size'
  | 'registry'
  | 'clients'

export type ImageSentence = Sentence<ImageTopic>

/** Makes the sentences of one topic. */
export function about(
  topic: ImageTopic,
): (tone: ImageSentence['tone'], text: string, fix?: string) => ImageSentence {
  return (tone, text, fix) => ({ topic, tone, text, ...(fix === undefined ? {} : { fix }) })
}

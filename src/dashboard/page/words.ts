import type { Span } from '../model/timeline.ts'

/** What a task does, by phase. */
export const phaseWords: Readonly<Record<string, string>> = {
  wait: 'waiting',
  pull: 'looking at the image',
  disk: 'waiting for room',
  convert: 'converting',
  push: 'pushing',
} satisfies Record<Span['kind'], string>

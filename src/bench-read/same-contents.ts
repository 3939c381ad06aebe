import { AccelError } from '../errors/accel-error.ts'
import type { Trace } from '../trace/trace.ts'
import type { Replay } from './replay.ts'

/** What each read of a trace gave, in the first image of which that is known: all others must give the same. */
export class SameContents {
  readonly #trace: Trace
  readonly #known: ({ content: Uint8Array; image: string } | undefined)[] = []

  constructor(trace: Trace) {
    this.#trace = trace
  }

  /** Throws BENCH_CONTENT_DIFFERS, which names the path. Reads of which nothing is known are passed over. */
  check(image: string, { contents }: Pick<Replay, 'contents'>): void {
    for (const [i, content] of contents.entries()) {
      if (content === undefined) continue
      const known = (this.#known[i] ??= { content, image })
      if (Buffer.compare(known.content, content) === 0) continue
      const { path } = this.#trace[i]!
      throw new AccelError('BENCH_CONTENT_DIFFERS', { path, image, other: known.image })
    }
  }
}

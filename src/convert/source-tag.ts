import { isAccelError } from '../errors/accel-error.ts'
import { isDigest, type Digest } from '../oci/digest.ts'
import type { ImageSource } from '../transport/image-transport.ts'

/** What became of a tag that once named the image that is converted. */
export interface MovedTag {
  /** In words: `the tag latest was moved from … to … meanwhile`. */
  reason: string
  /** What it names now; absent where it is gone. */
  to?: Digest
}

/** Looks whether the tag of a source still names `pinned`; undefined where it does, or where there is no tag. */
export async function movedTag(
  { source, sourceTag: tag }: { source: ImageSource; sourceTag?: string },
  pinned: Digest,
  signal: AbortSignal,
): Promise<MovedTag | undefined> {
  if (tag === undefined || isDigest(tag)) return undefined
  try {
    const { digest } = await source.resolve(tag, { signal })
    if (digest === pinned) return undefined
    return { reason: `the tag ${tag} was moved from ${pinned} to ${digest} meanwhile`, to: digest }
  } catch (error) {
    if (!isAccelError(error, 'CONTENT_NOT_FOUND')) throw error
    return { reason: `the tag ${tag} was deleted meanwhile` }
  }
}

/** How long the last request of a conversion, which writes the tag, may go on after the conversion was told to stop. */
const LAST_REQUEST_MS = 30_000

/**
 * The signal for the request that writes the target's tag. It aborts later than `signal`: a request that is given up
 * may still be carried out, after one that a newer conversion has sent, and the tag would then name the older image.
 * With `dispose` it aborts no more.
 */
export function signalOfLastRequest(signal: AbortSignal): Disposable & { signal: AbortSignal } {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const abort = (): void => {
    timer = setTimeout(() => controller.abort(signal.reason), LAST_REQUEST_MS)
    timer.unref()
  }
  if (signal.aborted) controller.abort(signal.reason)
  else signal.addEventListener('abort', abort, { once: true })
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      signal.removeEventListener('abort', abort)
      clearTimeout(timer)
    },
  }
}

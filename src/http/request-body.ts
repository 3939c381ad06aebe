import { AccelError } from '../errors/accel-error.ts'

/** Largest body that is read. An event of Harbor has less than a kilobyte. */
export const MAX_BODY_SIZE = 1024 * 1024

/** The body as text. Throws HTTP_BODY_TOO_LARGE before it holds more than the limit, HTTP_PAYLOAD_INVALID when it breaks off or is not UTF-8. */
export async function readBody(request: Request): Promise<string> {
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_SIZE) throw tooLarge()
  const pieces: Uint8Array[] = []
  let size = 0
  try {
    for await (const piece of request.body ?? []) {
      size += piece.length
      if (size > MAX_BODY_SIZE) break
      pieces.push(piece)
    }
    if (size > MAX_BODY_SIZE) throw tooLarge()
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
  } catch (cause) {
    if (cause instanceof AccelError) throw cause
    throw new AccelError('HTTP_PAYLOAD_INVALID', { problem: 'the body cannot be read' }, { cause })
  }
}

function tooLarge(): AccelError {
  return new AccelError('HTTP_BODY_TOO_LARGE', { limit: MAX_BODY_SIZE })
}

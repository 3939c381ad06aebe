import { rowOf, type AccelError } from '../errors/accel-error.ts'
import type { Redaction } from '../log/redaction.ts'
import { goJson } from './go-json.ts'

/** A JSON answer with its length, so that the access line and the metrics can tell it. */
export function jsonReply(value: unknown, status = 200): Response {
  return reply(goJson(value), status, 'application/json')
}

/** A plain text answer. */
export function textReply(
  text: string,
  status = 200,
  type = 'text/plain; charset=UTF-8',
): Response {
  return reply(text, status, type)
}

/** An answer without a body. */
export function emptyReply(): Response {
  return new Response(null, { status: 204 })
}

/** The answer to a request that is refused: the status of the error's row, upstream's code where it has one, else ours, and the message. */
export function failureReply(error: AccelError, redaction: Pick<Redaction, 'apply'>): Response {
  const { status, wire = error.code } = rowOf(error.code)
  return jsonReply({ code: wire, message: redaction.apply(error.message) }, status)
}

function reply(body: string, status: number, type: string): Response {
  const bytes = Buffer.from(body)
  return new Response(bytes, {
    status,
    headers: { 'content-type': type, 'content-length': String(bytes.length) },
  })
}

import { AccelError } from '../../errors/accel-error.ts'

/** An object of a payload, not looked into yet. */
export type Members = Record<string, unknown>

/** Parses the body of a request. Throws HTTP_PAYLOAD_INVALID. */
export function parsePayload(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // the parser's message would repeat the body
    throw invalidPayload('it is not JSON')
  }
}

/** `value`, which is `what`, as an object. Throws HTTP_PAYLOAD_INVALID. */
export function membersOf(value: unknown, what: string): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw invalidPayload(`${what} is not an object`)
}

/** A member that is a text; undefined where it is left out or empty. Throws HTTP_PAYLOAD_INVALID. */
export function textOf(from: Members, name: string): string | undefined {
  const value = from[name]
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw invalidPayload(`${name} is not a text`)
  return value
}

/** A member that must be a text with something in it. Throws HTTP_PAYLOAD_INVALID. */
export function requiredTextOf(from: Members, name: string, what: string): string {
  const value = textOf(from, name)
  if (value === undefined) throw invalidPayload(`${what} has no ${name}`)
  return value
}

/** A time as RFC 3339 writes it, in milliseconds since 1970, to be spread into a PushedResource; nothing where it is none. */
export function pushedAt(time: string | undefined): { pushedAt?: number } {
  const at = Date.parse(time ?? '')
  return Number.isNaN(at) ? {} : { pushedAt: at }
}

/** The error of a body that no dialect can be read from. */
export function invalidPayload(problem: string): AccelError {
  return new AccelError('HTTP_PAYLOAD_INVALID', { problem })
}

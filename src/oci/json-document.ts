import { AccelError } from '../errors/accel-error.ts'
import type { Descriptor } from './descriptor.ts'
import { isDigest } from './digest.ts'

/** Largest manifest, index or config that is read: what registries accept for a manifest (distribution: 4 MiB). */
export const MAX_DOCUMENT_SIZE = 4 * 1024 * 1024

/** The problem of the document `what`, as an error. */
export function invalidDocument(what: string, problem: string, cause?: unknown): AccelError {
  return new AccelError('IMAGE_MANIFEST_INVALID', { what, problem }, { cause })
}

/** Parses a JSON object. Throws IMAGE_MANIFEST_INVALID. */
export function parseObject(bytes: Uint8Array, what: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw invalidDocument(what, 'it is not JSON', cause)
  }
  return asObject(value, what, 'the document')
}

/** `value` as an object, or IMAGE_MANIFEST_INVALID that names `member`. */
export function asObject(value: unknown, what: string, member: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalidDocument(what, `${member} is not an object`)
  }
  return value as Record<string, unknown>
}

/** `value` as an array, or IMAGE_MANIFEST_INVALID that names `member`; absent is empty. */
export function asArray(value: unknown, what: string, member: string): unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalidDocument(what, `${member} is not an array`)
  return value
}

/** Checks that `value` is a descriptor with type, digest and size; other members are kept as they are. */
export function asDescriptor(value: unknown, what: string, member: string): Descriptor {
  const object = asObject(value, what, member)
  if (typeof object['mediaType'] !== 'string') {
    throw invalidDocument(what, `${member}.mediaType is not a text`)
  }
  if (!isDigest(object['digest'])) {
    throw invalidDocument(what, `${member}.digest is not a sha256 digest`)
  }
  const size = object['size']
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw invalidDocument(what, `${member}.size is not a size in bytes`)
  }
  return object as unknown as Descriptor
}

/** The text of a JSON document as it is pushed: compact, members in the order given. */
export function encodeDocument(document: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document))
}

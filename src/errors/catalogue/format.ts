import { row } from '../row.ts'

/** Bytes that are not the format they should be. `what` names the image and layer, `offset` is in the uncompressed bytes unless said. */
export const formatErrors = {
  FORMAT_TRUNCATED: row<{ what: string; format: string; offset: number; expected: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: the ${c.format} ends at byte ${c.offset}, expected ${c.expected}`,
    hint: 'The layer was damaged before it was pushed: its digest is right, its content is not. Build and push the image again.',
  }),
  FORMAT_INVALID: row<{ what: string; format: string; offset: number; problem: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: invalid ${c.format} at byte ${c.offset}: ${c.problem}`,
    hint: 'The layer was damaged, or written by a tool that does not follow the format. Build and push the image again.',
  }),
  FORMAT_UNKNOWN: row<{ what: string; size: number; head: string }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: ${c.size} bytes of no known format, they begin with ${c.head}`,
    hint: 'Known are RAFS v5 and v6 bootstraps, Nydus blobs, and layers: tar, gzip, zstd, eStargz and zstd:chunked.',
  }),
  FORMAT_LIMIT_EXCEEDED: row<{
    what: string
    format: string
    limit: string
    value: number
    max: number
  }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what}: ${c.format} has ${c.limit} of ${c.value}, the limit is ${c.max}`,
    hint: 'The limit protects the service and the readers of the result; an image that needs more cannot be converted.',
  }),
}

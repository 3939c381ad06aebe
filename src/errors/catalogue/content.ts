import { row } from '../row.ts'

/** Bytes that are not what their descriptor names. */
export const contentErrors = {
  CONTENT_DIGEST_MISMATCH: row<{ what: string; want: string; got: string; size: number }>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: (c) => `${c.what}: read ${c.size} bytes with digest ${c.got}, expected ${c.want}`,
    hint: 'The registry, or a proxy before it, served other bytes than it advertised; compare with another client.',
  }),
  CONTENT_SIZE_MISMATCH: row<{ what: string; want: number; got: number }>({
    status: 502,
    exit: 1,
    retry: 'backoff',
    text: (c) => `${c.what}: read ${c.got} bytes, expected ${c.want}`,
    hint: 'The transfer was cut short or the registry served another object; it is tried again, then compare with another client.',
  }),
  CONTENT_NOT_FOUND: row<{ what: string; where: string }>({
    status: 404,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what} is not in ${c.where}`,
    hint: 'Check the reference, and that the account may pull it; a blob missing below an existing manifest means that the registry lost it: push the image again.',
  }),
  CONTENT_TOO_LARGE: row<{ what: string; size: number; limit: number }>({
    status: 400,
    exit: 1,
    retry: 'never',
    text: (c) => `${c.what} has ${c.size} bytes, the limit is ${c.limit}`,
    hint: 'A manifest or config of this size is refused by registries as well; check what was pushed under this reference.',
  }),
}

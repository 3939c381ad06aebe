import type { Context } from 'hono'
import { AccelError } from '../../errors/accel-error.ts'
import type { Bindings } from '../connection.ts'

/** Words for true and false, as Go's strconv.ParseBool has them; empty, as `sync=$unset` sends it, is false. */
const booleans = new Map<string, boolean>([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((word) => [word, true] as const),
  ...['', '0', 'f', 'F', 'false', 'FALSE', 'False'].map((word) => [word, false] as const),
])

/** A query parameter that is on or off. Throws HTTP_QUERY_INVALID. */
export function flagOf(c: Context<Bindings>, name: string): boolean {
  const value = c.req.query(name) ?? ''
  const flag = booleans.get(value)
  if (flag === undefined) {
    throw new AccelError('HTTP_QUERY_INVALID', { name, value, expected: 'true or false' })
  }
  return flag
}

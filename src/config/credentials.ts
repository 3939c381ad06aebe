/** A login at a registry. */
export interface Credentials {
  username: string
  password: string
}

/**
 * What `auth` holds: base64 of `user:password`. The password may have colons; white space in the base64 (a wrapped
 * line) and one line end behind the password (`echo` without `-n`) are dropped. Returns what is wrong as a text.
 */
export function decodeCredentials(auth: string): Credentials | string {
  const compact = auth.replaceAll(/\s/g, '')
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) return 'is not base64'
  const plain = Buffer.from(compact, 'base64')
    .toString('utf8')
    .replace(/\r?\n$/, '')
  const colon = plain.indexOf(':')
  if (colon <= 0) return 'is not the base64 of user:password'
  return { username: plain.slice(0, colon), password: plain.slice(colon + 1) }
}

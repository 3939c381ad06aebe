/** Who we are for a registry: a user with a password (which may hold colons), or an identity token of a token service. */
export type Credentials =
  | { username: string; password: string }
  | { identityToken: string; username?: string | undefined }

/** Asks for credentials, such as those of a credential helper; undefined: anonymous. Throws REGISTRY_CREDENTIALS. */
export type CredentialSource = () => Promise<Credentials | undefined>

/** Whether the credentials are an identity token. */
export function isIdentityToken(
  credentials: Credentials,
): credentials is { identityToken: string; username?: string | undefined } {
  return 'identityToken' in credentials
}

/**
 * Reads the docker configuration's `auth`: base64 of `user:password`, split at the first colon, since passwords may hold
 * more. Undefined when it is empty, no base64, or has no colon.
 */
export function parseBasicAuth(auth: string): { username: string; password: string } | undefined {
  const text = auth.trim()
  if (text === '' || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined
  const decoded = Buffer.from(text, 'base64').toString('utf8')
  const colon = decoded.indexOf(':')
  if (colon < 0) return undefined
  // Docker pads some passwords with NUL.
  return {
    username: decoded.slice(0, colon),
    password: decoded.slice(colon + 1).replace(/^\0+|\0+$/g, ''),
  }
}

/** The Authorization header that carries `username` and `password`. */
export function basicHeader(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`
}

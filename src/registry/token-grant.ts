/** What a token allows in one place. */
export interface TokenGrant {
  /** `repository`, or what else a token service knows. */
  type: string
  name: string
  actions: string[]
}

/**
 * What a token says that it allows; undefined where it does not say it, since only who checks a token has to understand
 * it. Nothing is verified: it is the registry that decides. Source: distribution docs, "Token Authentication
 * Implementation": a JWT with the claim `access`.
 */
export function grantsIn(token: string): TokenGrant[] | undefined {
  const payload = token.split('.')[1]
  if (payload === undefined) return undefined
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))
    const { access } = (claims ?? {}) as { access?: unknown }
    // Harbor writes null for nothing.
    if (access === null) return []
    return Array.isArray(access) ? access.flatMap(grantIn) : undefined
  } catch {
    return undefined
  }
}

function grantIn(entry: unknown): TokenGrant[] {
  if (typeof entry !== 'object' || entry === null) return []
  const { type, name, actions } = entry as Record<string, unknown>
  if (typeof type !== 'string' || typeof name !== 'string') return []
  const allowed = Array.isArray(actions) ? (actions as unknown[]) : []
  return [{ type, name, actions: allowed.filter((action) => typeof action === 'string') }]
}

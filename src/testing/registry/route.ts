/** What a request to the registry is about; faults and the request log name requests by it. */
export type RequestKind =
  | 'GET base'
  | 'GET token'
  | 'POST token'
  | 'GET catalog'
  | 'GET tags'
  | 'GET referrers'
  | 'HEAD manifest'
  | 'GET manifest'
  | 'PUT manifest'
  | 'DELETE manifest'
  | 'HEAD blob'
  | 'GET blob'
  | 'DELETE blob'
  | 'POST upload'
  | 'GET upload'
  | 'PATCH upload'
  | 'PUT upload'
  | 'DELETE upload'
  | 'GET redirected blob'
  | 'GET harbor api'
  | 'other'

/** The parts of a request's path. */
export interface Route {
  kind: RequestKind
  /** The repository, as written in the path; whether it is well-formed is checked later. */
  repository?: string
  /** The tag or digest of a manifest, the digest of a blob or subject, the id of an upload. */
  reference?: string
}

const noun: [RegExp, string][] = [
  [/^\/v2\/(.+)\/tags\/list$/, 'tags'],
  [/^\/v2\/(.+)\/manifests\/([^/]+)$/, 'manifest'],
  [/^\/v2\/(.+)\/referrers\/([^/]+)$/, 'referrers'],
  [/^\/v2\/(.+)\/blobs\/uploads\/?$/, 'upload'],
  [/^\/v2\/(.+)\/blobs\/uploads\/([^/]+)$/, 'upload'],
  [/^\/v2\/(.+)\/blobs\/([^/]+)$/, 'blob'],
]

const kinds: ReadonlySet<string> = new Set<RequestKind>([
  'GET tags',
  'GET referrers',
  'HEAD manifest',
  'GET manifest',
  'PUT manifest',
  'DELETE manifest',
  'HEAD blob',
  'GET blob',
  'DELETE blob',
  'POST upload',
  'GET upload',
  'PATCH upload',
  'PUT upload',
  'DELETE upload',
])

/** Reads a request line. Source: distribution-spec 1.1, "Endpoints". Whatever it has no endpoint for is `other`. */
export function routeOf(method: string, pathname: string, tokenPath?: string): Route {
  if (pathname === tokenPath) {
    if (method === 'GET' || method === 'POST') return { kind: `${method} token` }
    return { kind: 'other' }
  }
  const reads = method === 'GET' || method === 'HEAD'
  if (pathname === '/v2/' || pathname === '/v2') return { kind: reads ? 'GET base' : 'other' }
  if (method === 'GET' && pathname.startsWith('/api/v2.0/')) return { kind: 'GET harbor api' }
  if (pathname === '/v2/_catalog') return { kind: reads ? 'GET catalog' : 'other' }
  for (const [pattern, name] of noun) {
    const match = pattern.exec(pathname)
    if (match === null) continue
    const route: Route = { kind: 'other', repository: match[1]! }
    if (match[2] !== undefined) route.reference = decodeURIComponent(match[2])
    const kind = `${method} ${name}`
    // Starting an upload has no id, all that follows has one.
    const fits = name !== 'upload' || (method === 'POST') === (route.reference === undefined)
    if (kinds.has(kind) && fits) route.kind = kind as RequestKind
    return route
  }
  return { kind: 'other' }
}

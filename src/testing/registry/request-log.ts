import type { RequestKind, Route } from './route.ts'

/** One request as it was seen; it is filled in while the request is handled. */
export interface LoggedRequest {
  /** Counts from 0 in order of arrival. */
  id: number
  method: string
  /** Path without the query. */
  path: string
  kind: RequestKind
  repository: string | undefined
  /** The tag or digest of a manifest, the digest of a blob, the id of an upload. */
  reference: string | undefined
  query: Record<string, string>
  /** The `Range` of the request as sent. */
  range: string | undefined
  /** The `Content-Range` of the request as sent. */
  contentRange: string | undefined
  /** Whether an `Authorization` header arrived; its value is kept nowhere. */
  authorized: boolean
  /** The account that the request was made as, once it is known. */
  user: string | undefined
  /** Status of the answer; undefined until, and unless, there is one. */
  status: number | undefined
  /** Bytes of the request's body that were read. */
  bytesIn: number
  /** Bytes of the answer's body that were written. */
  bytesOut: number
  /** The scripted fault that this request met. */
  fault: string | undefined
}

/** Which requests to list: of one kind, with these members, or those for which a function says so. */
export type RequestFilter =
  | RequestKind
  | Partial<Omit<LoggedRequest, 'query'>>
  | ((request: LoggedRequest) => boolean)

export interface RequestLog {
  begin(init: {
    method: string
    url: URL
    route: Route
    headers: Record<string, string | string[] | undefined>
  }): LoggedRequest
  list(filter?: RequestFilter): LoggedRequest[]
  clear(): void
}

/** Keeps what was asked of a registry, in order of arrival. */
export function createRequestLog(): RequestLog {
  let id = 0
  let requests: LoggedRequest[] = []
  return {
    begin({ method, url, route, headers }) {
      const request: LoggedRequest = {
        id: id++,
        method,
        path: url.pathname,
        kind: route.kind,
        repository: route.repository,
        reference: route.reference,
        query: Object.fromEntries(url.searchParams),
        range: headers['range'] as string | undefined,
        contentRange: headers['content-range'] as string | undefined,
        authorized: headers['authorization'] !== undefined,
        user: undefined,
        status: undefined,
        bytesIn: 0,
        bytesOut: 0,
        fault: undefined,
      }
      requests.push(request)
      return request
    },
    list(filter) {
      return requests.filter((request) => fits(request, filter))
    },
    clear() {
      requests = []
    },
  }
}

function fits(request: LoggedRequest, filter: RequestFilter | undefined): boolean {
  if (filter === undefined) return true
  if (typeof filter === 'string') return request.kind === filter
  if (typeof filter === 'function') return filter(request)
  return Object.entries(filter).every(
    ([key, value]) => request[key as keyof LoggedRequest] === value,
  )
}

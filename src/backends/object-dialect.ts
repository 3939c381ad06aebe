/** A request to an object store before it is signed. */
export interface UnsignedRequest {
  method: 'HEAD' | 'PUT' | 'POST' | 'DELETE'
  url: URL
  /** Names in lower case; `host` is that of the URL. */
  headers: Readonly<Record<string, string>>
  body?: Uint8Array | undefined
}

/** How a store is to check a body that it gets. */
export interface BodyCheck {
  headers: Record<string, string>
  /** What the list of parts says of the part besides its number and ETag: elements of XML, by name. */
  elements: Record<string, string>
}

/**
 * What differs between object stores that have the same operations on objects (HEAD, PUT, multipart uploads): where an
 * object is, how a request is signed and how a body is checked.
 */
export interface ObjectDialect {
  /** The bucket and the host, for messages. */
  readonly name: string
  /** Scheme and authority to which all requests go. */
  readonly origin: string
  /** Where the object `key` is. */
  url(key: string): URL
  /** All headers to send: those of the request and what proves who sends it. */
  sign(request: UnsignedRequest, now: Date): Promise<Record<string, string>>
  /** Asked for with HEAD. */
  readonly headHeaders: Readonly<Record<string, string>>
  /** Of the request that begins a multipart upload. */
  readonly beginHeaders: Readonly<Record<string, string>>
  check(body: Uint8Array): BodyCheck
  /** The sha256 of the whole object, 64 hex digits, where the answer to HEAD tells it. */
  storedSha256(header: (name: string) => string | undefined): string | undefined
}

/** `key` as the path of a URL: all but unreserved characters and slashes escaped. Source: RFC 3986, section 2.3. */
export function escapePath(key: string): string {
  return key.split('/').map(escapeSegment).join('/')
}

/** `segment` with all but unreserved characters escaped. */
export function escapeSegment(segment: string): string {
  return encodeURIComponent(segment).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

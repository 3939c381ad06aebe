import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { AccelError } from '../../errors/accel-error.ts'

/** The files of the dashboard by path, with their content types. */
const types = {
  '/': 'text/html; charset=utf-8',
  '/dashboard.js': 'text/javascript; charset=utf-8',
  '/dashboard.css': 'text/css; charset=utf-8',
  '/dashboard.svg': 'image/svg+xml',
} as const

type PagePath = keyof typeof types

/** Where the dashboard is served. */
export const PAGE_PATHS = Object.keys(types) as readonly PagePath[]

/** Where the bundle is, in a checkout as in the package. */
const BUNDLE = fileURLToPath(new URL('../../dashboard/bundle', import.meta.url))

/**
 * What the page may do: use its own files and this service's API. Nothing inline, nothing of other hosts, in no frame.
 * Source: W3C Content Security Policy Level 3.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

interface PageFile {
  bytes: Buffer<ArrayBuffer>
  compressed: Buffer<ArrayBuffer>
  /** Differs whenever the bytes do. */
  tag: string
}

/** What of a request decides the answer. */
export interface PageRequest {
  ifNoneMatch: string | undefined
  acceptEncoding: string | undefined
}

/** The dashboard's files. They hold no secret, and are served to anybody who can reach the service. */
export class PageFiles {
  readonly #folder: string
  readonly #files = new Map<PagePath, PageFile>()

  /** `folder`: where the bundle is. */
  constructor(folder = BUNDLE) {
    this.#folder = folder
  }

  /** Answers a request for one of PAGE_PATHS. Throws HTTP_DASHBOARD_MISSING in a checkout where it was not bundled. */
  answer(path: PagePath, { ifNoneMatch = '', acceptEncoding = '' }: PageRequest): Response {
    const { bytes, compressed, tag } = this.#file(path)
    const headers: Record<string, string> = {
      'content-type': types[path],
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      // asked for each time, and sent when it has changed
      'cache-control': 'no-cache',
      vary: 'accept-encoding',
      etag: tag,
    }
    if (ifNoneMatch.includes(tag)) return new Response(null, { status: 304, headers })
    const gzip = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:\s*,|\s*$))/.test(acceptEncoding)
    const body = gzip ? compressed : bytes
    if (gzip) headers['content-encoding'] = 'gzip'
    return new Response(body, { headers: { ...headers, 'content-length': String(body.length) } })
  }

  /** A file, read and compressed once. */
  #file(path: PagePath): PageFile {
    const known = this.#files.get(path)
    if (known !== undefined) return known
    const bytes = this.#read(path === '/' ? 'index.html' : path.slice(1))
    const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 22)
    const file = { bytes, compressed: gzipSync(bytes, { level: 9 }), tag: `W/"${hash}"` }
    this.#files.set(path, file)
    return file
  }

  #read(name: string): Buffer<ArrayBuffer> {
    try {
      return readFileSync(join(this.#folder, name))
    } catch (cause) {
      throw new AccelError('HTTP_DASHBOARD_MISSING', { file: join(this.#folder, name) }, { cause })
    }
  }
}

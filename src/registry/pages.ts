import { AccelError } from '../errors/accel-error.ts'
import { single } from '../network/exchange.ts'
import { collect } from '../streams/byte-source.ts'
import type { RegistryRequest } from './sender.ts'
import type { Transport } from './transport.ts'

/** Largest page that is read: a catalog without paging of some ten thousand names fits. */
const MAX_PAGE_SIZE = 16 * 1024 * 1024

/** More pages than any registry has; a Link that leads in a circle ends here at the latest. */
const MAX_PAGES = 100_000

/** How lists are read. */
export interface ListInit {
  signal?: AbortSignal
  /** Called before each request, and waited for: paces them. @default nothing is waited for */
  pace?: () => Promise<void>
}

/**
 * The JSON documents of a list that comes in pages, each with a `Link` to the next (RFC 8288); one page at a time is in
 * memory. Of a link the path alone is taken: no other host is asked. Throws REGISTRY_…; REGISTRY_LIST_INVALID.
 */
export async function* readPages(
  transport: Transport,
  request: Omit<RegistryRequest, 'method' | 'target' | 'expect' | 'signal'>,
  first: string,
  init: ListInit,
): AsyncGenerator {
  const seen = new Set<string>()
  let target: string | undefined = first
  while (target !== undefined) {
    if (seen.has(target) || seen.size >= MAX_PAGES) throw invalid(request, 'its pages do not end')
    seen.add(target)
    await init.pace?.()
    const answer = await transport.send({
      ...request,
      method: 'GET',
      target,
      expect: [200],
      signal: init.signal,
    })
    const bytes = await collect(answer.body, MAX_PAGE_SIZE, () =>
      invalid(request, `a page is larger than ${MAX_PAGE_SIZE} bytes`),
    )
    yield documentIn(bytes, request)
    target = nextOf(single(answer.headers['link']), answer.url)
  }
}

/** Path and query of `<…>; rel="next"`, relative to the page or absolute; undefined where there is none at this host. */
function nextOf(link: string | undefined, page: URL): string | undefined {
  for (const [, target = '', parameters = ''] of (link ?? '').matchAll(/<([^>]*)>([^,<]*)/g)) {
    if (!/;\s*rel="?next"?\s*(;|$)/i.test(parameters)) continue
    const url = URL.canParse(target, page.href) ? new URL(target, page) : undefined
    // behind a proxy the scheme and host of an absolute link may be ones that only the registry knows itself by
    return url === undefined ? undefined : url.pathname + url.search
  }
  return undefined
}

function documentIn(bytes: Uint8Array, request: { what: string }): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8')) as unknown
  } catch {
    throw invalid(request, 'it is not JSON')
  }
}

/** The error for a list that is not what it should be. */
export function invalid({ what }: { what: string }, problem: string): AccelError {
  return new AccelError('REGISTRY_LIST_INVALID', { what, problem })
}

/** The objects of a page; an empty one is null in some versions. */
export function objectsIn(page: unknown, what: string): Record<string, unknown>[] {
  if (page !== null && !Array.isArray(page)) throw invalid({ what }, 'it is not a list')
  return (page ?? []).filter(
    (item): item is Record<string, unknown> => typeof item === 'object' && item !== null,
  )
}

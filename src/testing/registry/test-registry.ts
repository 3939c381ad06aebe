import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Digest } from '../../oci/digest.ts'
import { deleteBlob, getBlob, sendBlob } from './blob.ts'
import type { RegistryContext } from './context.ts'
import { Exchange, Interrupted } from './exchange.ts'
import { createFaultScript, type AddedFault, type Fault } from './fault.ts'
import { createGuard } from './guard.ts'
import { getHarborApi } from './harbor-rest.ts'
import type { HarborInit, TestRegistryInit, WebhookInit } from './init.ts'
import { getCatalog, getReferrers, getTags } from './listing.ts'
import { deleteManifest, getManifest, putManifest } from './manifest.ts'
import { checkName, digestIn } from './name.ts'
import { openRepository, type TestRepository } from './repository.ts'
import { createRequestLog, type LoggedRequest, type RequestFilter } from './request-log.ts'
import { routeOf, type RequestKind } from './route.ts'
import { Storage, type StoredManifest } from './storage.ts'
import { testTls, type ServerTls } from './tls.ts'
import { createWebhooks, type Delivery } from './webhook.ts'
import { deleteUpload, endUpload, getUpload, patchUpload, postUpload, putUpload } from './upload.ts'

/** A running registry. */
export interface TestRegistry {
  /** `127.0.0.1:port`. */
  readonly host: string
  /** `http://127.0.0.1:port`, or `https://…`. */
  readonly url: string
  /** Where the blobs are. */
  readonly directory: string
  /** What was asked so far, in order of arrival. */
  requests(filter?: RequestFilter): LoggedRequest[]
  /** Forgets what was asked so far. */
  clearRequests(): void
  /** Scripts a fault, from now on. */
  fault(fault: Fault): AddedFault
  /** A repository as source and target without HTTP: no log, no faults, no webhooks, no checks of what a manifest names. */
  repository(name: string): TestRepository
  /** The tags of a repository, in order. */
  tags(repository: string): string[]
  /** The manifest under a tag or digest. */
  manifest(repository: string, reference: string): StoredManifest | undefined
  /** All bytes of a blob; for small ones. Rejects when it is not there. */
  blob(repository: string, digest: Digest): Promise<Uint8Array>
  /** Adds a webhook, from now on. */
  webhook(webhook: WebhookInit): void
  /** All deliveries of webhooks so far, once none is under way any more, its retries included. */
  deliveries(): Promise<Delivery[]>
  /** Ends the validity of all tokens given out so far. */
  expireTokens(): void
  /** The certificate authority, PEM, that a client must trust; with `tls: true` only. */
  readonly ca: string | undefined
  /** Uploads that were begun and not ended. */
  openUploads(): number
  /** Ends all connections, waits for what runs, and removes the temporary directory. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

type Handler = (context: RegistryContext, exchange: Exchange) => Promise<void>

const handlers: Partial<Record<RequestKind, Handler>> = {
  'GET base': async (_, exchange) =>
    exchange.answer(200, { 'Content-Type': 'application/json' }, Buffer.from('{}')),
  'GET catalog': getCatalog,
  'GET tags': getTags,
  'GET referrers': getReferrers,
  'HEAD manifest': getManifest,
  'GET manifest': getManifest,
  'PUT manifest': putManifest,
  'DELETE manifest': deleteManifest,
  'HEAD blob': getBlob,
  'GET blob': getBlob,
  'DELETE blob': deleteBlob,
  'POST upload': postUpload,
  'GET upload': getUpload,
  'PATCH upload': patchUpload,
  'PUT upload': putUpload,
  'DELETE upload': deleteUpload,
}

/**
 * Starts a registry on 127.0.0.1 that follows distribution-spec 1.1, for tests and demonstrations. NOT FOR
 * PRODUCTION: it has no garbage collection, no limits on who fills the disk, and loses running uploads when it stops.
 * Blobs are streamed to and from files; manifests are kept in memory. Rejects when the port is taken.
 */
export async function startTestRegistry(init: TestRegistryInit = {}): Promise<TestRegistry> {
  const directory = init.directory ?? (await mkdtemp(join(tmpdir(), 'test-registry-')))
  const log = createRequestLog()
  const faults = createFaultScript(init.faults ?? [])
  const running = new Set<Promise<void>>()
  const context: RegistryContext = {
    storage: await Storage.open(directory),
    init,
    harbor: harborOf(init.harbor),
    uploads: new Map(),
    origin: '',
    storageOrigin: undefined,
    pushed: (push) => webhooks.pushed(push),
  }
  const guard = createGuard(context)
  const webhooks = createWebhooks(context)
  const tls = await tlsOf(init.tls)

  const serve = (request: IncomingMessage, response: ServerResponse, handle: Handler) => {
    const url = new URL(request.url ?? '/', 'http://registry.invalid')
    const route =
      handle === redirected
        ? { kind: 'GET redirected blob' as const, reference: url.pathname.split('/').at(-1)! }
        : routeOf(request.method ?? '', url.pathname, guard.tokenPath)
    const logged = log.begin({ method: request.method ?? '', url, route, headers: request.headers })
    const exchange = new Exchange({ request, response, url, route, log: logged })
    if (handle !== redirected) response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0')
    const run = async () => {
      try {
        await checkName(exchange)
        // A request that is answered 401 anyway meets no fault, so that scripts need not count challenges.
        if (guarded(route.kind)) await guard.admit(context, exchange)
        exchange.fault = faults.take(logged)
        await exchange.strikeFirst()
        if (route.kind === 'GET base') await guard.admit(context, exchange)
        if (isToken(route.kind)) await guard.token(context, exchange)
        else if (route.kind === 'GET harbor api') {
          await getHarborApi(context, exchange, guard.userOf(exchange))
        } else await handle(context, exchange)
      } catch (error) {
        failed(exchange, error)
      } finally {
        // What nobody read is read away, so that the connection can be used again.
        request.resume()
      }
      init.log?.(`${logged.method} ${logged.path} ${logged.status ?? 'no answer'}`)
    }
    const done = run().finally(() => running.delete(done))
    running.add(done)
  }

  const server = await listen(init.port ?? 0, tls, (request, response) =>
    serve(request, response, handleRequest),
  )
  context.origin = originOf(server, tls)
  const storageServer = init.redirectBlobs
    ? await listen(0, tls, (request, response) => serve(request, response, redirected))
    : undefined
  if (storageServer !== undefined) context.storageOrigin = originOf(storageServer, tls)
  init.log?.(`test registry at ${context.origin}, blobs in ${directory}; not for production`)

  const close = async () => {
    for (const one of [server, storageServer]) {
      one?.close()
      one?.closeAllConnections()
    }
    await webhooks.close()
    await Promise.all(running)
    for (const upload of context.uploads.values()) await endUpload(context, upload)
    if (init.directory === undefined) await rm(directory, { recursive: true, force: true })
  }

  return {
    host: new URL(context.origin).host,
    url: context.origin,
    directory,
    requests: (filter) => log.list(filter),
    clearRequests: () => log.clear(),
    fault: (fault) => faults.add(fault),
    repository: (name) => openRepository(context.storage, name),
    tags: (name) => [...(context.storage.repositories.get(name)?.tags.keys() ?? [])].sort(),
    manifest: (repository, reference) => context.storage.manifest(repository, reference),
    blob: (repository, digest) => {
      const has = context.storage.repositories.get(repository)?.blobs.has(digest)
      if (!has) return Promise.reject(new Error(`${repository} has no blob ${digest}`))
      return readFile(context.storage.blobPath(digest))
    },
    webhook: (webhook) => webhooks.add(webhook),
    deliveries: () => webhooks.settled(),
    expireTokens: () => guard.expireTokens(),
    ca: tls?.ca,
    openUploads: () => context.uploads.size,
    close,
    [Symbol.asyncDispose]: close,
  }
}

function isToken(kind: RequestKind): boolean {
  return kind === 'GET token' || kind === 'POST token'
}

/** The ping, the token endpoint and Harbor's API meet their faults first. */
function guarded(kind: RequestKind): boolean {
  const own: RequestKind[] = ['GET redirected blob', 'GET base', 'GET harbor api']
  return !own.includes(kind) && !isToken(kind)
}

async function handleRequest(context: RegistryContext, exchange: Exchange): Promise<void> {
  const handler = handlers[exchange.route.kind]
  if (handler === undefined) {
    const known = exchange.route.repository !== undefined
    return exchange.refuse(known ? 405 : 404, 'UNSUPPORTED', 'the operation is unsupported')
  }
  await handler(context, exchange)
}

/** The second listener: as object storage does, it refuses a presigned URL that comes with credentials. */
async function redirected(context: RegistryContext, exchange: Exchange): Promise<void> {
  const digest = await digestIn(exchange, exchange.reference)
  if (!exchange.url.searchParams.has('X-Amz-Signature')) {
    return exchange.answer(403, {}, Buffer.from('AccessDenied'))
  }
  if (exchange.log.authorized) {
    return exchange.answer(400, {}, Buffer.from('InvalidArgument: only one auth mechanism allowed'))
  }
  await sendBlob(context, exchange, digest)
}

/** A fault has done its work by now; everything else is a mistake of ours, which the client shall see. */
function failed({ request, response }: Exchange, error: unknown): void {
  if (error instanceof Interrupted || request.socket.destroyed) return
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (response.headersSent) request.socket.destroy()
  else response.writeHead(500, { 'Content-Type': 'text/plain' }).end(text)
}

async function tlsOf(tls: TestRegistryInit['tls']): Promise<ServerTls | undefined> {
  if (tls === undefined || tls === false) return undefined
  return tls === true ? testTls() : tls
}

async function listen(
  port: number,
  tls: ServerTls | undefined,
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Server> {
  const server =
    tls === undefined
      ? createServer(handle)
      : createSecureServer({ key: tls.key, cert: tls.cert }, handle)
  // Uploads may take any time, and an idle connection that is closed under a client would be a fault nobody scripted.
  server.requestTimeout = 0
  server.keepAliveTimeout = 600_000
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function originOf(server: Server, tls: ServerTls | undefined): string {
  const { port } = server.address() as AddressInfo
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
}

function harborOf(harbor: TestRegistryInit['harbor']): RegistryContext['harbor'] {
  if (harbor === undefined || harbor === false) return undefined
  const init: HarborInit = harbor === true ? {} : harbor
  return { ...init, version: init.version ?? '2.11' }
}

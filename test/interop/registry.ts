/** Debian's docker-registry (CNCF distribution), on a free port of the loopback address. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { join } from 'node:path'
import type { BuiltImage } from '../../src/testing/image-builder.ts'
import { type Daemon, output, startDaemon } from './command.ts'

/** A registry that runs until it is disposed of. */
export interface Registry extends Daemon {
  /** `127.0.0.1:PORT`. */
  readonly address: string
}

/** Starts a registry that stores below `folder`. `more` is added to its configuration. */
export async function startRegistry(folder: string, more: object = {}): Promise<Registry> {
  const address = `127.0.0.1:${await freePort()}`
  mkdirSync(folder, { recursive: true })
  const config = {
    version: 0.1,
    log: { level: 'info' },
    storage: { filesystem: { rootdirectory: join(folder, 'storage') }, delete: { enabled: true } },
    http: { addr: address, secret: 'interop' },
    ...more,
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'config.yml'), JSON.stringify(config))
  const daemon = await startDaemon('docker-registry', ['serve', join(folder, 'config.yml')], {
    log: join(folder, 'registry.log'),
    ready: () =>
      fetch(`http://${address}/v2/`).then(
        (answer) => answer.ok,
        () => false,
      ),
  })
  return { ...daemon, address }
}

/** A port of the loopback address that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** Pushes a built image, with what it names, as `name:latest`; returns the reference. */
export async function pushImage(
  registry: string,
  name: string,
  image: BuiltImage,
): Promise<string> {
  await pushParts(`http://${registry}/v2/${name}`, image, 'latest')
  return `${registry}/${name}:latest`
}

async function pushParts(repository: string, image: BuiltImage, reference: string): Promise<void> {
  for (const child of image.children) await pushParts(repository, child, child.descriptor.digest)
  for (const { descriptor, open } of image.blobs) {
    const { headers } = await answered(`${repository}/blobs/uploads/`, { method: 'POST' })
    const upload = new URL(headers.get('location') ?? '', repository)
    upload.searchParams.set('digest', descriptor.digest)
    const body = new Blob(await Array.fromAsync(open(), (piece) => Buffer.from(piece)))
    await answered(upload.href, { method: 'PUT', body })
  }
  const headers = { 'content-type': image.descriptor.mediaType }
  const body = Buffer.from(image.bytes)
  await answered(`${repository}/manifests/${reference}`, { method: 'PUT', headers, body })
}

async function answered(url: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(url, init)
  if (!answer.ok) throw new Error(`${init.method} ${url}: ${answer.status} ${await answer.text()}`)
  return answer
}

/** The layers of an image as its manifest has them, those for linux on one architecture where it is an index. */
export async function layersOf(reference: string, architecture = 'amd64'): Promise<Layer[]> {
  const [repository, selector] = splitReference(reference)
  const manifest = await getManifest(repository, selector)
  if (manifest.layers !== undefined) return manifest.layers
  const child = manifest.manifests?.find((m) => m.platform?.architecture === architecture)
  return (await getManifest(repository, child?.digest ?? '')).layers ?? []
}

/** The bytes of a blob of the repository that `reference` is in. */
export async function blobOf(reference: string, digest: string): Promise<Buffer> {
  const [host = '', ...repository] = splitReference(reference)[0].split('/')
  const url = `http://${host}/v2/${repository.join('/')}/blobs/${digest}`
  return Buffer.from(await (await answered(url, { method: 'GET' })).arrayBuffer())
}

/** A layer as a manifest names it. */
export interface Layer {
  mediaType: string
  digest: string
  size: number
  annotations?: Record<string, string>
}

interface Manifest {
  layers?: Layer[]
  manifests?: { digest: string; platform?: { architecture: string } }[]
}

/** `host/repository` and its tag or digest. */
function splitReference(reference: string): [string, string] {
  const at = reference.lastIndexOf('@')
  const cut = at === -1 ? reference.lastIndexOf(':') : at
  return [reference.slice(0, cut), reference.slice(cut + 1)]
}

async function getManifest(repository: string, selector: string): Promise<Manifest> {
  const separator = selector.includes(':') ? '@' : ':'
  const args = [
    'inspect',
    '--raw',
    '--tls-verify=false',
    `docker://${repository}${separator}${selector}`,
  ]
  return JSON.parse(await output('skopeo', args)) as Manifest
}

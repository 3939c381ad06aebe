import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { NYDUS_BLOB } from '../../src/drivers/nydus/annotation.ts'
import type { Descriptor } from '../../src/oci/descriptor.ts'
import { hexOf } from '../../src/oci/digest.ts'
import { parseIndex, parseManifest, type Manifest } from '../../src/oci/manifest.ts'
import { isIndexType, layerType } from '../../src/oci/media-type.ts'
import { parseReference } from '../../src/oci/reference.ts'
import { createRegistryClient, type RegistryClient } from '../../src/registry/client.ts'
import {
  createDockerCredentials,
  dockerConfigPath,
} from '../../src/registry/credentials/docker-config.ts'
import type { HostInit } from '../../src/registry/host.ts'
import type { RegistryRepository } from '../../src/registry/repository.ts'
import type { CallInit, ImageSource, ImageTarget } from '../../src/transport/image-transport.ts'
import type { RegistryStarted } from './registry-process.ts'

/** The tag of every image that is measured. */
export const TAG = 'latest'

/**
 * The registry that is measured with: on this machine, in a process of its own, gone afterwards. All images are copied
 * into it first, so that no network is measured and nothing is left in anybody's registry.
 */
export interface BenchRegistry extends AsyncDisposable {
  host: string
  repository(name: string): RegistryRepository
  /** Copies an image from its own registry, with the login of the docker configuration, to `name`. */
  fetch(reference: string, name: string, init: CallInit): Promise<void>
  /** Makes the image of the repository `from` stand in `to` as well, which then has nothing else; nothing is moved. */
  stage(from: string, to: string, init: CallInit): Promise<void>
  /** The layers of an image, of every platform, each once. */
  layers(repository: string, tag: string, init: CallInit): Promise<Descriptor[]>
  /** The tags of a repository but TAG: what was pushed by who converted its image. */
  pushedTags(repository: string, init: CallInit): Promise<string[]>
  /** The file of a blob. */
  blobPath(descriptor: Descriptor): string
}

/** Starts it. Rejects when its process ends before it answers. */
export async function startBenchRegistry(): Promise<BenchRegistry> {
  const child = fork(join(import.meta.dirname, 'registry-process.ts'), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const ended = once(child, 'exit')
  const [started] = (await Promise.race([
    once(child, 'message'),
    ended.then(() => Promise.reject(new Error('the registry process ended at its start'))),
  ])) as [RegistryStarted]
  const { host, directory } = started
  const path = dockerConfigPath(process.env)
  const login = path === undefined ? undefined : createDockerCredentials({ path })
  const hosts = (name: string): HostInit =>
    name === host || login === undefined ? {} : { credentials: login(name) }
  const client = createRegistryClient({}, { hosts })
  const repository = (name: string): RegistryRepository =>
    client.repository({ host, repository: name })
  return {
    host,
    repository,
    async fetch(text, name, init) {
      const source = sourceOf(client, text)
      await copy(source.repository, repository(name), { ...init, from: source.tag })
    },
    stage: (from, to, init) =>
      copy(repository(from), repository(to), { ...init, from: TAG, mountFrom: [from] }),
    async layers(name, tag, init) {
      const source = repository(name)
      const images = await manifestsOf(source, await source.resolve(tag, init), init)
      const layers = images
        .flatMap((image) => image.layers)
        .filter(({ mediaType }) => layerType(mediaType) !== undefined || mediaType === NYDUS_BLOB)
      return [...new Map(layers.map((layer) => [layer.digest, layer])).values()]
    },
    async pushedTags(name, init) {
      const answer = await fetch(`http://${host}/v2/${name}/tags/list`, init)
      const { tags } = (await answer.json()) as { tags: string[] }
      return tags.filter((tag) => tag !== TAG)
    },
    blobPath: ({ digest }) => join(directory, 'blobs', 'sha256', hexOf(digest)),
    async [Symbol.asyncDispose]() {
      await client.close()
      if (child.connected) child.disconnect()
      await ended
    },
  }
}

function sourceOf(
  client: RegistryClient,
  text: string,
): { repository: RegistryRepository; tag: string } {
  const reference = parseReference(text)
  return {
    repository: client.repository(reference, { side: 'source' }),
    tag: reference.digest ?? reference.tag ?? TAG,
  }
}

/** Copies the image `from` of `source`, with all that it names, and tags it. */
async function copy(
  source: RegistryRepository,
  target: RegistryRepository,
  init: CallInit & { from: string; mountFrom?: string[] },
): Promise<void> {
  const root = await source.resolve(init.from, init)
  await copyManifest(source, target, root, { ...init, tag: TAG })
}

async function copyManifest(
  source: ImageSource,
  target: ImageTarget,
  descriptor: Descriptor,
  init: CallInit & { tag?: string; mountFrom?: string[] },
): Promise<void> {
  const { tag, mountFrom, ...call } = init
  const bytes = await source.manifest(descriptor, call)
  const what = `${source.name}@${descriptor.digest}`
  if (isIndexType(descriptor.mediaType)) {
    for (const member of parseIndex(bytes, what).manifests) {
      await copyManifest(source, target, member, { ...call, ...(mountFrom ? { mountFrom } : {}) })
    }
  } else {
    const { config, layers } = parseManifest(bytes, what)
    for (const blob of [config, ...layers]) {
      await target.pushBlob(blob, (offset) => skipping(source.blob(blob, call), offset), {
        ...call,
        ...(mountFrom ? { mountFrom } : {}),
      })
    }
  }
  await target.pushManifest(bytes, descriptor, { ...call, ...(tag === undefined ? {} : { tag }) })
}

/** The bytes of `source` from `offset` on; it is not 0 only after a broken connection. */
async function* skipping(
  source: AsyncIterable<Uint8Array>,
  offset: number,
): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const piece of source) {
    if (at + piece.length > offset) yield piece.subarray(Math.max(0, offset - at))
    at += piece.length
  }
}

/** The manifests below `descriptor`, or its own. */
async function manifestsOf(
  source: ImageSource,
  descriptor: Descriptor,
  init: CallInit,
): Promise<Manifest[]> {
  const bytes = await source.manifest(descriptor, init)
  const what = `${source.name}@${descriptor.digest}`
  if (!isIndexType(descriptor.mediaType)) return [parseManifest(bytes, what)]
  const members = parseIndex(bytes, what).manifests
  return (await Promise.all(members.map((member) => manifestsOf(source, member, init)))).flat()
}

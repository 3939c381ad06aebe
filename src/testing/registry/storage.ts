import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { digestOf, hexOf, type Digest } from '../../oci/digest.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { ByteSource } from '../../streams/byte-source.ts'

/** A manifest or index as it was pushed, with what the referrers API needs of it. */
export interface StoredManifest {
  digest: Digest
  mediaType: string
  bytes: Uint8Array
  /** The digest of the `subject` member. */
  subject?: Digest
  artifactType?: string
  annotations?: Record<string, string>
}

export interface StoredRepository {
  name: string
  /** Seconds since 1970. */
  created: number
  blobs: Set<Digest>
  /** In order of their first push. */
  manifests: Map<Digest, StoredManifest>
  tags: Map<string, Digest>
}

interface Saved {
  name: string
  created: number
  blobs: Digest[]
  manifests: { digest: Digest; mediaType: string }[]
  tags: [string, Digest][]
}

/**
 * The content of a registry: blobs are files, shared by all repositories; which repository has which is kept in
 * memory and, after each change of a manifest, in `registry.json`. Uploads that were not finished are not kept.
 */
export class Storage {
  readonly directory: string
  readonly repositories = new Map<string, StoredRepository>()
  #saving: Promise<void> = Promise.resolve()

  /** Opens, or begins, the storage in `directory`. */
  static async open(directory: string): Promise<Storage> {
    const storage = new Storage(directory)
    await rm(join(directory, 'uploads'), { recursive: true, force: true })
    await mkdir(join(directory, 'uploads'), { recursive: true })
    await mkdir(join(directory, 'blobs', 'sha256'), { recursive: true })
    await storage.#load()
    return storage
  }

  private constructor(directory: string) {
    this.directory = directory
  }

  /** The repository of this name, which begins to exist. */
  repository(name: string): StoredRepository {
    let found = this.repositories.get(name)
    if (found === undefined) {
      const created = Math.floor(Date.now() / 1000)
      found = { name, created, blobs: new Set(), manifests: new Map(), tags: new Map() }
      this.repositories.set(name, found)
    }
    return found
  }

  /** The file of a blob. */
  blobPath(digest: Digest): string {
    return join(this.directory, 'blobs', 'sha256', hexOf(digest))
  }

  /** A fresh name for bytes that arrive. */
  uploadPath(): string {
    return join(this.directory, 'uploads', randomUUID())
  }

  async blobSize(digest: Digest): Promise<number> {
    return (await stat(this.blobPath(digest))).size
  }

  /** The bytes `start` to `end`, both included, of a blob's file. */
  readBlob(digest: Digest, start = 0, end = Infinity): ByteSource {
    return createReadStream(this.blobPath(digest), { start, end, highWaterMark: 256 * 1024 })
  }

  /** Makes an uploaded file the blob of `repository`; its digest was checked before. */
  async addBlob(repository: string, path: string, digest: Digest): Promise<void> {
    await rename(path, this.blobPath(digest))
    this.repository(repository).blobs.add(digest)
  }

  async putBlob(repository: string, bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes)
    const path = this.uploadPath()
    await writeFile(path, bytes)
    await this.addBlob(repository, path, digest)
    return digest
  }

  /** Takes a blob out of a repository, and its file away when no other has it. */
  async deleteBlob(repository: string, digest: Digest): Promise<boolean> {
    const had = this.repositories.get(repository)?.blobs.delete(digest) ?? false
    const wanted = [...this.repositories.values()].some(
      (other) => other.blobs.has(digest) || other.manifests.has(digest),
    )
    if (had && !wanted) await rm(this.blobPath(digest), { force: true })
    return had
  }

  /** Stores a manifest without looking at what it names, under `tag` where given. */
  async putManifest(
    repository: string,
    bytes: Uint8Array,
    mediaType: string,
    tag?: string,
  ): Promise<StoredManifest> {
    const manifest = storedManifest(bytes, mediaType)
    const { manifests, tags } = this.repository(repository)
    manifests.set(manifest.digest, manifest)
    if (tag !== undefined) tags.set(tag, manifest.digest)
    await writeFile(this.blobPath(manifest.digest), bytes)
    await this.save()
    return manifest
  }

  /** The manifest under a tag or digest. */
  manifest(repository: string, reference: string): StoredManifest | undefined {
    const found = this.repositories.get(repository)
    if (found === undefined) return undefined
    return found.manifests.get(found.tags.get(reference) ?? (reference as Digest))
  }

  /** The manifests that name `subject`, oldest first. */
  referrers(repository: string, subject: Digest): (Descriptor & { artifactType: string })[] {
    const manifests = this.repositories.get(repository)?.manifests.values() ?? []
    return [...manifests]
      .filter((manifest) => manifest.subject === subject)
      .map(({ digest, mediaType, bytes, artifactType, annotations }) => ({
        mediaType,
        digest,
        size: bytes.length,
        artifactType: artifactType ?? '',
        ...(annotations === undefined ? {} : { annotations }),
      }))
  }

  /** Writes `registry.json`, whole or not at all, one after the other. */
  async save(): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      const saved: Saved[] = [...this.repositories.values()].map((repository) => ({
        name: repository.name,
        created: repository.created,
        blobs: [...repository.blobs],
        manifests: [...repository.manifests.values()].map(({ digest, mediaType }) => ({
          digest,
          mediaType,
        })),
        tags: [...repository.tags],
      }))
      const path = join(this.directory, 'registry.json')
      await writeFile(`${path}.new`, JSON.stringify(saved))
      await rename(`${path}.new`, path)
    })
    await this.#saving
  }

  async #load(): Promise<void> {
    let text: string
    try {
      text = await readFile(join(this.directory, 'registry.json'), 'utf8')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
      throw error
    }
    for (const { name, created, blobs, manifests, tags } of JSON.parse(text) as Saved[]) {
      const repository = this.repository(name)
      repository.created = created
      repository.blobs = new Set(blobs)
      repository.tags = new Map(tags)
      for (const { digest, mediaType } of manifests) {
        const bytes = await readFile(this.blobPath(digest))
        repository.manifests.set(digest, storedManifest(bytes, mediaType))
      }
    }
  }
}

function storedManifest(bytes: Uint8Array, mediaType: string): StoredManifest {
  const manifest: StoredManifest = { digest: digestOf(bytes), mediaType, bytes }
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString())
  } catch {
    return manifest // put there without a check, to be found broken by a client
  }
  const { subject, artifactType, config, annotations } = (json ?? {}) as {
    subject?: Descriptor
    artifactType?: string
    config?: Descriptor
    annotations?: Record<string, string>
  }
  if (subject?.digest !== undefined) manifest.subject = subject.digest
  const type = artifactType ?? config?.mediaType
  if (type !== undefined) manifest.artifactType = type
  if (annotations !== undefined) manifest.annotations = annotations
  return manifest
}
